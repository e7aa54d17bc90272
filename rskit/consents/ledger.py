"""Which consents are used up. The store that keeps them is shared by all workers and survives their restarts.

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
"""How long a mark is kept if its consent has no known end: ten years, in seconds."""
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is about to be executed. `detail` is exactly the detail that was compared with the consent.

    `id`, 32 hexadecimal digits, is the same in each attempt for one consent. Make it a unique key in your books: then
    no failure here can pay twice.
    """

    id: str
    detail: Mapping[str, Any]


Execute = Callable[[Reservation], Any]
"""Executes it and returns the outcome, a JSON object. May be a coroutine function if the handler is one.

Raise NotExecuted if nothing happened and nothing will. After any other exception the outcome counts as unknown.
"""


class NotExecuted(Exception):
    """Raised by `execute` if nothing was executed and nothing will be. The consent may then be used again."""


class ConsentLedger:
    """Uses each consent up once.

    `reconcile(reservation)` looks `reservation.id` up in the books before anything is executed. It returns the outcome
    of what was executed under that id, or None if nothing was. It raises if it cannot know. So an attempt that died,
    or a store that lost its marks, pays nothing twice.

    `lease`: seconds after which an attempt that has not reported counts as dead. `execute` may take half of it (an
    async one is then cancelled; a plain function must limit itself). The other half is for what it started to arrive
    in the books. `unknown_end`: seconds that a mark is kept if its consent has no known end. `idempotency_key`: the
    name of the header. `development_only=True` accepts a store that forgets.

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
            raise ConfigurationError("lease and unknown_end must be positive numbers of seconds")
        self.store = require_store(store)
        self.reconcile = reconcile
        self.lease = lease
        self.unknown_end = unknown_end
        self.idempotency_key = idempotency_key
        self.development_only = development_only
        if development_only:
            LOGGER.warning(
                "ConsentLedger(development_only=True): it is not checked whether the store can keep a mark"
            )
        elif isinstance(unsealed(self.store), MemoryStore):
            raise _unfit("it is the memory of one process")

    def check(self) -> Flow[None]:
        """Check that the store's marks survive a restart and are shared by all workers.

        Raises UnfitStore, StoreError.
        """
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
        f"this store cannot keep the marks of used consents: {why}. Use a SqliteStore (one host), or a Redis with "
        "appendonly yes (many hosts)"
    )
