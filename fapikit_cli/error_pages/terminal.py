"""The page of an error as a terminal shows it: a link that leads nowhere there is told in words.

Role: RP, RS, AS
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from fapikit.errors import FapiError
from fapikit_cli.error_pages.page import page_of

_RELATIVE: Final = re.compile(r"\[([^\]\n]*)\]\((?!https?:)([^)\s]*)\)")
_PAGES: Final = "../../"


def terminal_page_of(kind: type[FapiError]) -> str:
    """The page. Another error is named, and of another page it says where it is in the repository."""
    return _RELATIVE.sub(_told, page_of(kind))


def _told(link: re.Match[str]) -> str:
    text, target = link.groups()
    path = target.partition("#")[0]
    if path.startswith(_PAGES):
        return f"{text} (docs/{path.removeprefix(_PAGES)})"
    name = PurePosixPath(path).stem
    return text if name in text else f"{text} (`fapikit explain {name}`)"
