"""From what a person has read, a name, a code or a whole line, to the errors that it may be about.

Role: RP, RS, AS
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from fapikit.errors import FapiError
from fapikit_cli.error_pages.catalogue import PACKAGES, all_errors
from fapikit_cli.error_pages.page import package_of


def named(said: str) -> list[type[FapiError]]:
    """The errors whose name is in the text; else those whose code is. A package in the text chooses among them."""
    words = re.findall(r"\w+", said)
    lower = {word.lower() for word in words}
    kinds = all_errors()
    found = [kind for kind in kinds if kind.__name__ in words]
    found = found or [kind for kind in kinds if kind.__name__.lower() in lower]
    found = found or [kind for kind in kinds if kind.code in lower]
    packages = lower & PACKAGES.keys()
    return [kind for kind in found if package_of(kind) in packages] or found


def similar(name: str) -> list[str]:
    """The names and the codes that are like this one, the nearest first."""
    known = {short: kind for kind in all_errors() for short in (kind.__name__, kind.code or "")}
    return get_close_matches(name, [text for text in known if text], n=3, cutoff=0.6)


def short_name(kind: type[FapiError]) -> str:
    """`WrongUrl`; with its package where two packages have the name."""
    alone = sum(other.__name__ == kind.__name__ for other in all_errors()) == 1
    return kind.__name__ if alone else f"{package_of(kind)}.{kind.__name__}"
