"""The decompression of a body that a server compressed without being asked, within the limit for decompressed bodies.

It handles gzip and deflate, which are in the standard library. A body with another coding is left as it came. It is
then not JSON.

Spec: RFC 9110 8.4.1, 12.5.3
"""

from __future__ import annotations

import zlib
from typing import Any, Final

_GZIP_OR_ZLIB: Final = 47
_RAW_DEFLATE: Final = -15
GZIP: Final = b"\x1f\x8b"
CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_MEMBERS: Final = 64
"""How many members a gzip body may have. Each costs time, and an empty one has 2 to 20 octets."""


class Overlong(ValueError):
    """The decompressed body is longer than the limit."""


class Unpacker:
    """Decompresses a body piece by piece, up to `limit` octets. It raises Overlong at the next octet."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._held = b""
        self._unpack: Any = None
        self._members = 0

    def feed(self, piece: bytes) -> bytes:
        """The decompressed octets of this piece. Raises Overlong; ValueError for a body with another coding."""
        found = bytearray()
        piece, self._held = self._held + piece, b""
        while piece:
            if self._unpack is None:
                if len(piece) == 1:
                    self._held = piece
                    break
                self._begin(piece)
            try:
                out = self._unpack.decompress(piece, self._left + 1)
            except zlib.error as error:
                raise ValueError("this is not the coding that content-encoding names") from error
            self._left -= len(out)
            if self._left < 0:
                raise Overlong("longer than the limit")
            found += out
            piece = self._unpack.unused_data
            if self._unpack.eof:
                self._unpack = None
        return bytes(found)

    def _begin(self, piece: bytes) -> None:
        """Raises ValueError for more than one body; a gzip body may have several members (RFC 1952 2.2)."""
        gzip = piece[:2] == GZIP
        self._members += 1
        if self._members > (_MEMBERS if gzip else 1):
            raise ValueError("there is more than one compressed body")
        self._unpack = _unpacking(piece, gzip=gzip)

    def require_end(self) -> None:
        """Raises ValueError if the end of the body is missing."""
        if self._unpack is not None or self._held:
            raise ValueError("the end of the compressed body is missing")


def _unpacking(beginning: bytes, *, gzip: bool) -> Any:
    """Decides by the first two octets. "deflate" means the zlib format, but some servers send raw deflate."""
    zlib_form = beginning[0] & 0x0F == 8 and int.from_bytes(beginning[:2], "big") % 31 == 0
    return zlib.decompressobj(_GZIP_OR_ZLIB if gzip or zlib_form else _RAW_DEFLATE)


def unpack(body: bytes, limit: int) -> bytes:
    """Decompress a whole body. Raises Overlong, ValueError."""
    unpacker = Unpacker(limit)
    found = unpacker.feed(body)
    unpacker.require_end()
    return found
