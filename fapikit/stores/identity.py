"""The identity record of a store: it shows whether the store has lost its data. The store keeps it beside its entries.

A process remembers the record of its store, and every operation compares it. If the store was emptied, or another
store has the same address, the record is missing or different. If the store was set back (a snapshot, a backup, a
replica that lagged), it has counted fewer writes than the process has seen. In each case replay marks are lost that may
still matter. The process that notices it writes the loss into the record, for all processes. For `REPLAY_WINDOW`
seconds after that, no operation says that something is used for the first time.

A store without a record is treated as a new store when a process opens it.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from fapikit.clock import system_random
from fapikit.errors import StoreForgot

REPLAY_WINDOW: Final = 120.0
"""In seconds. It is longer than the mark of a DPoP proof matters: a proof may be made 30 s ahead and is valid for 60 s,
and the clocks of hosts may differ. For a mark of something that lives longer, give `store_add(since=)`."""

NEVER: Final = float("-inf")


class Identity(NamedTuple):
    """The record: a random name, the time when a loss was last noticed, and the number of writes."""

    name: str
    forgot_at: float
    writes: int


def new_name() -> str:
    return system_random(16).hex()


class Acquaintance:
    """What this process knows of the record. `held_at`: when the record was last found unchanged."""

    __slots__ = ("forgot_at", "held_at", "name", "writes")

    def __init__(self, found: Identity, now: float) -> None:
        self.name = found.name
        self.writes = found.writes
        self.forgot_at = min(found.forgot_at, now)  # the clock of another host may be ahead
        self.held_at = now

    def recognises(self, found: Identity | None, writes: int) -> bool:
        """Whether this is the known record. `writes`: the known number of writes before the operation."""
        return found is not None and found.name == self.name and found.writes >= writes

    def is_told_of(self, found: Identity | None) -> bool:
        """Whether this is a new record, written after a loss that another process has noticed already."""
        return found is not None and found.name != self.name and found.forgot_at >= self.held_at

    def require_settled(self, now: float) -> None:
        """Raises StoreForgot while a mark that was lost may still matter."""
        left = self.forgot_at + REPLAY_WINDOW - now
        if left > 0:
            raise_forgot(left)


def raise_forgot(left: float = REPLAY_WINDOW) -> NoReturn:
    raise StoreForgot(
        "the store was emptied, replaced or set back: its replay marks are lost. Try again when they no longer matter",
        retry_after=left,
    )


def when_forgot(store: object) -> float:
    """When a loss of this store was last noticed, as far as this process knows; NEVER if there was none."""
    forgot_at: float = getattr(store, "forgot_at", NEVER)
    return forgot_at


def require_memory(store: object, since: float | None) -> None:
    """Raises StoreForgot if the store is known to have lost data after `since`, by the clock of this host."""
    if since is None:
        return
    forgot_at = when_forgot(store)
    if forgot_at != NEVER and forgot_at >= since:
        raise StoreForgot(
            "the store was emptied, replaced or set back after this was made: whether it was used before is unknown",
            retry_after=REPLAY_WINDOW,
        )
