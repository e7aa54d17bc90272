"""The left half of a hash, in base64url: `at_hash`, `c_hash` and `s_hash` of an ID token.

Spec: OIDC 3.1.3.6, 3.3.2.11; FAPI1-ADV 5.1.1
"""

from __future__ import annotations

import hashlib

from fapikit import base64url
from fapikit.jose.algorithms import ALGORITHMS


def half_hash(value: str, alg: str) -> str:
    """The half hash of `value`. `alg`: the algorithm that signs the ID token. Raises KeyError for an unknown one."""
    digest = hashlib.new(ALGORITHMS[alg].hash_name, value.encode()).digest()
    return base64url.encode(digest[: len(digest) // 2])
