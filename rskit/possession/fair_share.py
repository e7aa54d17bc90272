"""The last quarter of a store of replay marks in memory is shared out by client, so that none fills it with many keys.

`proof_budget` bounds each key; a client that has tokens for many has as many budgets. While the store has room that
does no harm, and nothing is counted. A store elsewhere has the room that its operator gives it, unknown here.

Spec: RFC 9449 11.1b
Role: RS
"""

from __future__ import annotations

from typing import Final

from fapikit.stores import MemoryStore
from rskit.errors import TooManyProofs
from rskit.possession.proof_budget import ProofBudget
from rskit.tokens.token import Token

_ROOM: Final = 0.75
_SHARES: Final = 20


class FairShare:
    """From `begins` entries on, a client gets a twentieth of the store, and as much again in the life of a mark.

    With what was there before, one client fills less than nine tenths; the rest is for the others.
    """

    __slots__ = ("_budget", "_store", "begins", "taken")

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.taken = store.taken
        self.begins = max(int(store.max_entries * _ROOM), 1)
        self._budget = ProofBudget(max(store.max_entries // _SHARES, 1))

    def require(self, token: Token, now: float) -> None:
        """Called when the store seems crowded. Raises TooManyProofs.

        Counted before the mark is written: what is replayed just then counts too.
        """
        if self._store.sweep() < self.begins:
            return
        client = f"{token.issuer}\0{token.client_id}"
        try:
            self._budget.spend(client, self._budget.require(client, now), now)
        except TooManyProofs as error:
            raise TooManyProofs(
                "the replay marks are nearly all taken, and this client has had its share of the rest",
                facts={"client_id": token.client_id},
            ) from error
