"""base64url without padding, and nothing else.

Spec: RFC 7515 2; RFC 4648 3.5, 5
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_PADDING = ("", "", "==", "=")
# In the last character of an incomplete group some bits must be zero. So each value has exactly one encoding.
_CANONICAL_LAST = ("", "", "AQgw", "AEIMQUYcgkosw048")


def encode(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).rstrip(b"=").translate(_URL_SAFE).decode("ascii")


def decode(text: str) -> bytes:
    """Decode strictly.

    Raises ValueError for padding, white space, other alphabets, impossible lengths and non-canonical endings.
    """
    rest = len(text) % 4
    if rest and text[-1] not in _CANONICAL_LAST[rest]:  # no character ends a group of one
        raise ValueError("not canonical base64url")
    if "+" in text or "/" in text or "=" in text:
        raise ValueError("not the base64url alphabet")
    # binascii.Error is a ValueError. The error for a character outside ASCII is a ValueError too.
    return a2b_base64(text.replace("-", "+").replace("_", "/") + _PADDING[rest], strict_mode=True)
