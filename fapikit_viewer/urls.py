"""URLs in a recording: whoever sends a message chooses them, so they may be none.

Spec: RFC 3986 3
Role: RP, RS, AS
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

_NO_URL: Final = urlsplit("")


def parts_of(url: str) -> SplitResult:
    """The parts of a URL; all of them are empty if it cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:
        return _NO_URL
