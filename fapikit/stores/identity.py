"""Who a store is, and when it last forgot what it held: a record that a store keeps of itself, beside its entries.

A process remembers the record of the store that it uses, and every operation compares. A store that was emptied, and
another one behind the same name, have another record or none. A store that went back to what it was before (a
snapshot, a backup, a replica that lagged behind) has counted fewer writes than were seen. In each case marks are lost
that may still matter. Whoever notices it writes so into the record, for all processes, and for `REPLAY_WINDOW` seconds
nothing is taken to be the first of its kind.

A store that has no record when a process opens it is taken for a new one.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from fapikit.clock import system_random
from fapikit.errors import StoreForgot

REPLAY_WINDOW: Final = 120.0
"""Longer than the mark of a DPoP proof matters, which may be made 30 s ahead and is good for 60 s, and than clocks of
hosts differ. Whoever marks what lives longer says since when it lives (`store_add(since=)`)."""

NEVER: Final = float("-inf")


class Identity(NamedTuple):
    """The record: a random name, when the store was found to have forgotten, and how many writes it has taken."""

    name: str
    forgot_at: float
    writes: int


def new_name() -> str:
    return system_random(16).hex()


class Acquaintance:
    """What this process knows of a store's record. `held_at`: when it was last found unchanged."""

    __slots__ = ("forgot_at", "held_at", "name", "writes")

    def __init__(self, found: Identity, now: float) -> None:
        self.name = found.name
        self.writes = found.writes
        self.forgot_at = min(found.forgot_at, now)  # by another host's clock
        self.held_at = now

    def recognises(self, found: Identity | None, writes: int) -> bool:
        """Whether this is the record that is known; `writes` is what was known of them before the store was asked."""
        return found is not None and found.name == self.name and found.writes >= writes

    def is_told_of(self, found: Identity | None) -> bool:
        """Whether this other record tells of a loss that takes in all that this process knew of."""
        return found is not None and found.name != self.name and found.forgot_at >= self.held_at

    def require_settled(self, now: float) -> None:
        """Raises StoreForgot while a mark that was lost may still matter."""
        left = self.forgot_at + REPLAY_WINDOW - now
        if left > 0:
            raise_forgot(left)


def raise_forgot(left: float = REPLAY_WINDOW) -> NoReturn:
    raise StoreForgot(
        "the store was emptied, replaced or set back: what was marked in it before is lost, and is waited out",
        retry_after=left,
    )


def when_forgot(store: object) -> float:
    """When a store was last found to have forgotten what it held, as far as this process knows; else NEVER."""
    forgot_at: float = getattr(store, "forgot_at", NEVER)
    return forgot_at


def require_memory(store: object, since: float | None) -> None:
    """Raises StoreForgot for a store that is known to have forgotten anything since then, by this host's clock."""
    if since is None:
        return
    forgot_at = when_forgot(store)
    if forgot_at != NEVER and forgot_at >= since:
        raise StoreForgot(
            "the store was emptied, replaced or set back since this was made: whether it was used cannot be known",
            retry_after=REPLAY_WINDOW,
        )
