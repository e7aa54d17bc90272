"""How many DPoP proofs of one key are accepted, so that one client cannot fill the shared store of replay marks.

Each key has a leaky bucket that empties evenly over the lifetime of a mark. It is stored as one number: the time when
it will be empty. A key with an ordinary request rate is forgotten within milliseconds.
Spec: RFC 9449 11.1b
Role: RS
"""

from __future__ import annotations

from typing import Final

from fapikit.dpop.check import MARK_LIFETIME
from fapikit.errors import ConfigurationError
from fapikit.stores import MemoryStore, Store, unsealed
from rskit.errors import TooManyProofs

_ELSEWHERE: Final = 100_000
_MAX_KEYS: Final = 5_000  # they are all looked at, and sorted, by the proof that finds no room


def proofs_of_one_key(store: Store) -> int:
    """A fifth of the capacity of an in-memory store. With what leaks meanwhile, one key fills less than half of it."""
    keeper = unsealed(store)
    return max(keeper.max_entries // 5, 1) if isinstance(keeper, MemoryStore) else _ELSEWHERE


class ProofBudget:
    """`proofs` of one key at once, and as many again per `lifetime` of a mark. Counted in this process.

    No lock: two threads may count one proof for two.
    """

    __slots__ = ("_empty_at", "_full", "_step")

    def __init__(self, proofs: int, *, lifetime: float = MARK_LIFETIME) -> None:
        if proofs < 1:
            raise ConfigurationError("proofs_per_key must be 1 or more")
        self._step = lifetime / proofs
        self._full = lifetime - self._step / 2
        self._empty_at: dict[str, float] = {}

    def require(self, jkt: str, now: float) -> float:
        """When the key's bucket will be empty if this proof is added, for `spend`. Raises TooManyProofs."""
        empty_at = self._empty_at.get(jkt, now)
        if empty_at - now > self._full:
            raise TooManyProofs("this key has used too many DPoP proofs lately")
        return max(empty_at, now) + self._step

    def spend(self, jkt: str, empty_at: float, now: float) -> None:
        """Count a proof whose mark was new. A replayed proof is not counted against its key."""
        if len(self._empty_at) >= _MAX_KEYS and jkt not in self._empty_at:
            busy = {key: until for key, until in list(self._empty_at.items()) if until > now}
            if len(busy) >= _MAX_KEYS:
                # The keys with the least use are forgotten. So a key that has used up its share cannot be removed.
                fullest = sorted(busy, key=busy.__getitem__)[len(busy) // 2 :]
                busy = {key: busy[key] for key in fullest}
            self._empty_at = busy
        self._empty_at[jkt] = empty_at

    def __repr__(self) -> str:
        return f"ProofBudget({len(self._empty_at)} keys)"
