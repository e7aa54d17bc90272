"""Proof Key for Code Exchange, S256 only.

Spec: RFC 7636 4.1, 4.2, 4.6; FAPI2-SP 5.3.2.2-5, 5.3.3.2-3
Role: C, AS
"""

from __future__ import annotations

import hashlib
import hmac
import re

from fapikit.base64url import encode
from fapikit.clock import RandomBytes
from fapikit.secrets import Secret, random_token

METHOD = "S256"

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}\Z")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def make_verifier(random_bytes: RandomBytes) -> Secret:
    """A new verifier with 256 bits, 43 characters (RFC 7636 7.1)."""
    return Secret(random_token(random_bytes))


def challenge_of(verifier: Secret) -> str:
    """The S256 challenge of a verifier."""
    return encode(hashlib.sha256(verifier.reveal().encode("ascii")).digest())


def is_challenge(text: str) -> bool:
    """Whether this has the form of an S256 challenge: 43 base64url characters."""
    return bool(_CHALLENGE.match(text))


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Whether a received verifier is well formed and hashes to the challenge (RFC 7636 4.6)."""
    if not _VERIFIER.match(verifier):
        return False
    return hmac.compare_digest(challenge_of(Secret(verifier)), challenge)
