"""The first octets of a body that passes by, decompressed if need be.

Spec: RFC 9110 8.4
Role: RP, RS, AS
"""

from __future__ import annotations

import zlib
from typing import Final

from fapikit_viewer.masking.message import MAX_BODY

_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Copy:
    """Collects a body piece by piece. `octets` is None for one that is too long, or compressed in another way."""

    def __init__(self, encoding: str = "") -> None:
        self._encoding = encoding.strip().lower()
        self._pieces: list[bytes] = []
        self.length = 0

    def add(self, piece: bytes) -> None:
        self.length += len(piece)
        if self.length <= MAX_BODY:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    @property
    def octets(self) -> bytes | None:
        if self.length > MAX_BODY:
            return None
        body = b"".join(self._pieces)
        if not body or self._encoding in ("", "identity"):
            return body
        if self._encoding not in _WINDOW:
            return None
        try:
            return zlib.decompressobj(_WINDOW[self._encoding]).decompress(body, MAX_BODY + 1)
        except zlib.error:
            return None
