"""base64url without padding, and nothing else.

Spec: RFC 7515 2, RFC 4648 3.5
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z")
# The last character of an incomplete group carries bits that must be zero, so that one value has one spelling.
_CANONICAL_LAST = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Decode strictly.

    Raises ValueError for padding, white space, other alphabets, impossible lengths and non-canonical endings.
    """
    if not _ALPHABET.match(text):
        raise ValueError("not base64url")
    rest = len(text) % 4
    if rest == 1 or (rest and text[-1] not in _CANONICAL_LAST[rest]):
        raise ValueError("not canonical base64url")
    return urlsafe_b64decode(text + "=" * (-rest % 4))
