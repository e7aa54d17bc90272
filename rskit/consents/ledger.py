"""Which consents are used up, kept in a store that all workers share and that outlives them.

Spec: RFC 9396 7.1, 9, 12
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fapikit.errors import ConfigurationError, UnfitStore
from fapikit.flow import Flow, store_check
from fapikit.stores import MemoryStore, Store, unsealed
from fapikit.stores.protocol import require_store
from rskit.answers.trace import LOGGER

LEASE: Final = 120.0
UNKNOWN_END: Final = 10 * 365 * 86_400.0
"""How long a mark is kept whose consent tells no end: ten years, in seconds."""
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is about to be executed: `detail` is exactly what was compared with the consent.

    `id`, 32 hexadecimal digits, is the same in each attempt at one consent. Where it is a unique key of the books,
    nothing that fails here can pay twice.
    """

    id: str
    detail: Mapping[str, Any]


Execute = Callable[[Reservation], Any]
"""Execute it, and return the outcome, a JSON object. May be a coroutine function where the handler is one.

NotExecuted says that nothing happened, and nothing will; any other exception that it is not known what happened.
"""


class NotExecuted(Exception):
    """Raised by `execute` where nothing was executed, and nothing will be: the consent may be used again."""


class ConsentLedger:
    """Uses each consent up once.

    `reconcile(reservation)` looks `reservation.id` up in the books, before anything is executed. It returns the outcome
    of what was executed under that id, or None where nothing was. It raises where it cannot tell. So an attempt that
    ended without a word, or a store that lost its marks, pays nothing twice.

    `lease`: seconds until an attempt without a word is taken for dead. `execute` may take half of it (an async one is
    ended then, a plain one must bound itself); in the other half what it has set in motion arrives in the books.
    `unknown_end`: seconds that a mark is kept whose consent does not tell when it ends. `idempotency_key`: the name
    of the header. `development_only=True` takes a store that forgets.

    Raises ConfigurationError for a store in memory without `development_only`.
    """

    def __init__(
        self,
        store: Store,
        *,
        reconcile: Callable[[Reservation], Any],
        lease: float = LEASE,
        unknown_end: float = UNKNOWN_END,
        idempotency_key: str = IDEMPOTENCY_KEY,
        development_only: bool = False,
    ) -> None:
        if not lease > 0 or not unknown_end > 0:
            raise ConfigurationError("lease and unknown_end are positive numbers of seconds")
        self.store = require_store(store)
        self.reconcile = reconcile
        self.lease = lease
        self.unknown_end = unknown_end
        self.idempotency_key = idempotency_key
        self.development_only = development_only
        if development_only:
            LOGGER.warning(
                "ConsentLedger(development_only=True): whether its store can keep a mark is not asked"
            )
        elif isinstance(unsealed(self.store), MemoryStore):
            raise _unfit("it is one process's memory")

    def check(self) -> Flow[None]:
        """Ask the store whether its marks outlive a restart and bind all workers. Raises UnfitStore, StoreError."""
        if self.development_only:
            return
        promise = yield from store_check(self.store)
        if not promise.durable:
            raise _unfit("it forgets at a restart")
        if not promise.shared:
            raise _unfit("other workers do not share it")

    def __repr__(self) -> str:
        return f"ConsentLedger({self.store!r})"


def _unfit(why: str) -> UnfitStore:
    return UnfitStore(
        f"this store cannot keep the marks of used consents: {why}. Take a SqliteStore (one host), or a Redis with "
        "appendonly yes (many hosts)"
    )
