"""base64url without padding, and nothing else.

Spec: RFC 7515 2; RFC 4648 3.5, 5
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from binascii import a2b_base64

# To the standard alphabet; its own two odd characters become ones that no alphabet has.
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# The last character of an incomplete group carries bits that must be zero, so that one value has one spelling.
_CANONICAL_LAST = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Decode strictly.

    Raises ValueError for padding, white space, other alphabets, impossible lengths and non-canonical endings.
    """
    rest = len(text) % 4
    if rest == 1 or (rest and text[-1] not in _CANONICAL_LAST[rest]):
        raise ValueError("not canonical base64url")
    # binascii.Error and UnicodeEncodeError are ValueErrors.
    return a2b_base64(text.encode("ascii").translate(_STANDARD) + _PADDING[rest], strict_mode=True)
