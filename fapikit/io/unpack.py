"""Unpacking what a server compressed although nobody asked, within the limit that holds for what is unpacked.

gzip and deflate, which the standard library knows. Any other coding is left as it came, and is then no JSON.

Spec: RFC 9110 8.4.1, 12.5.3
"""

from __future__ import annotations

import zlib
from typing import Any, Final

_GZIP_OR_ZLIB: Final = 47
_RAW_DEFLATE: Final = -15
CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})


class Overlong(ValueError):
    """What is packed is longer than the limit."""


class Unpacker:
    """Takes a body piece by piece. At most `limit` octets come out of it, and one more before it says so."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._held = b""
        self._unpack: Any = None

    def feed(self, piece: bytes) -> bytes:
        """What this piece unpacks to. Raises Overlong; ValueError for what is not packed so."""
        found = bytearray()
        piece, self._held = self._held + piece, b""
        while piece:
            if self._unpack is None:
                if len(piece) == 1:
                    self._held = piece
                    break
                self._unpack = _unpacking(piece)
            try:
                out = self._unpack.decompress(piece, self._left + 1)
            except zlib.error as error:
                raise ValueError("not packed as its label says") from error
            self._left -= len(out)
            if self._left < 0:
                raise Overlong("longer than the limit")
            found += out
            piece = self._unpack.unused_data
            if self._unpack.eof:  # a gzip body may have several members
                self._unpack = None
        return bytes(found)

    def require_end(self) -> None:
        """Raises ValueError if the body breaks off."""
        if self._unpack is not None or self._held:
            raise ValueError("the packed body breaks off")


def _unpacking(beginning: bytes) -> Any:
    """By the first two octets: by the text "deflate" is zlib's form, but some send the bare one."""
    gzip = beginning[:2] == b"\x1f\x8b"
    zlib_form = beginning[0] & 0x0F == 8 and int.from_bytes(beginning[:2], "big") % 31 == 0
    return zlib.decompressobj(_GZIP_OR_ZLIB if gzip or zlib_form else _RAW_DEFLATE)


def unpack(body: bytes, limit: int) -> bytes:
    """A whole body. Raises Overlong, ValueError."""
    unpacker = Unpacker(limit)
    found = unpacker.feed(body)
    unpacker.require_end()
    return found
