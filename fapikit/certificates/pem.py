"""PEM in a header: its line breaks may be replaced by spaces, tabs or nothing.

Spec: RFC 7468 2, 3
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_BLOCKS: Final = re.compile(rf"\s*(?:{_BEGIN}([A-Za-z0-9+/=\s]+){_END}\s*)+")
_BLOCK: Final = re.compile(rf"{_BEGIN}([A-Za-z0-9+/=\s]+){_END}")


def read_pem(text: str) -> tuple[bytes, ...]:
    """The certificates of a text that has nothing else, in DER, in their order. Raises ValueError."""
    if not _BLOCKS.fullmatch(text):
        raise ValueError("this is not one or more PEM certificates and nothing else")
    return tuple(read_base64(body) for body in _BLOCK.findall(text))


def read_base64(text: str) -> bytes:
    """The octets of standard base64, which may have white space. Raises ValueError."""
    try:
        octets = base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("this is not base64") from error
    if not octets:
        raise ValueError("this is empty")
    return octets
