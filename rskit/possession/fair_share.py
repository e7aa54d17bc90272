"""Shares the last quarter of an in-memory store of replay marks between clients, so that none fills it with many keys.

`proof_budget` limits each key. A client with tokens for many keys has as many budgets. That does no harm while the
store has room, so nothing is counted then. The size of any other kind of store is unknown here: its operator decides
it.

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
    """From `begins` entries on, a client gets a twentieth of the store, and as much again per lifetime of a mark.

    With its earlier marks, one client fills less than nine tenths. The rest is for the others.
    """

    __slots__ = ("_budget", "_store", "begins", "taken")

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.taken = store.taken
        self.begins = max(int(store.max_entries * _ROOM), 1)
        self._budget = ProofBudget(max(store.max_entries // _SHARES, 1))

    def require(self, token: Token, now: float) -> None:
        """Called when the store is nearly full. Raises TooManyProofs.

        Counted before the mark is written, so a replayed proof counts too.
        """
        if self._store.sweep() < self.begins:
            return
        client = f"{token.issuer}\0{token.client_id}"
        try:
            self._budget.spend(client, self._budget.require(client, now), now)
        except TooManyProofs as error:
            raise TooManyProofs(
                "the store of replay marks is nearly full, and this client has used its share of the rest: retry later",
                facts={"client_id": token.client_id},
            ) from error
