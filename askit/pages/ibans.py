"""Shows IBANs as they are printed, in groups of four. The HTML element also keeps the ungrouped one, to copy.

Spec: ISO 13616 6.3
Role: AS
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}(?![A-Za-z0-9])")


def grouped(text: str) -> Markup:
    """The text, escaped, with each IBAN in groups of four."""
    made, at = Markup(), 0
    for found in _IBAN.finditer(text):
        iban = found[0]
        groups = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
        made += escape(text[at : found.start()]) + Markup('<data value="{}">{}</data>').format(iban, groups)
        at = found.end()
    return made + escape(text[at:])
