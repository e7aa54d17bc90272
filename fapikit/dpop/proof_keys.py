"""Keys of proofs that passed, found again by the raw header segment they come in: clients keep a key for long.

Nothing else of a proof is remembered; each is read, and its signature verified, anew.

Spec: RFC 9449 4.3-6, 4.3-7
Role: AS, RS
"""

from __future__ import annotations

from typing import NamedTuple

from fapikit.io.bounded_cache import BoundedCache
from fapikit.jose.algorithms import Verify


class ProofKey(NamedTuple):
    """The key's thumbprint, and how to verify with it under the `alg` of the header that carried it."""

    thumbprint: str
    verify: Verify


class ProofKeys:
    """Bounded; one per set of algorithms, for a header that passed under one might not under another.

    `find(segment)` gives the key or None. `remember(segment, key, now)` is called only for a proof that passed in full,
    so that strangers cannot fill it.
    """

    def __init__(self, max_keys: int = 10_000) -> None:
        self._keys = BoundedCache[str, ProofKey](max_keys)
        self.find, self.remember = self._keys.get, self._keys.put

    def __repr__(self) -> str:
        return f"ProofKeys({len(self._keys)})"
