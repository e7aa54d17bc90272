"""A cache of the keys of valid proofs, by the raw header segment: a client uses the same key for a long time.

Nothing else of a proof is cached. Each proof is parsed, and its signature is verified.

Spec: RFC 9449 4.3-6, 4.3-7
Role: AS, RS
"""

from __future__ import annotations

from typing import NamedTuple

from fapikit.io.bounded_cache import BoundedCache
from fapikit.jose.algorithms import Verify


class ProofKey(NamedTuple):
    """The thumbprint of a key, and the function that verifies with it under the `alg` of its header."""

    thumbprint: str
    verify: Verify


class ProofKeys:
    """A bounded cache. Make one for each set of algorithms: a header that is valid for one may not be for another.

    `find(segment)` returns the key or None. `remember(segment, key, now)` is called only for a proof that passed every
    check. So a client without a valid token cannot fill the cache.
    """

    def __init__(self, max_keys: int = 10_000) -> None:
        self._keys = BoundedCache[str, ProofKey](max_keys)
        self.find, self.remember = self._keys.get, self._keys.put

    def __repr__(self) -> str:
        return f"ProofKeys({len(self._keys)})"
