"""How much one transmitter may send in a minute. Beyond it, an event is not looked at now, and comes again.

A transmitter is believed, and may still be broken or taken over. Each event costs a signature check and a mark in the
store, so their number and their octets are limited before either is done.

Spec: RFC 8935 2.2; RFC 6585 4
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fapikit.errors import ConfigurationError, TooManyEvents
from fapikit.jose.purposes import SECURITY_EVENT_TOKEN
from fapikit.token_bucket import TokenBucket

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBudget:
    """What one transmitter may send to one process in a minute: so many `events`, and so many `octets` of them."""

    events: int = 6_000
    octets: int = 16 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if self.events < 1:
            raise ConfigurationError("events of an EventBudget must be at least 1 in a minute")
        if self.octets < SECURITY_EVENT_TOKEN.max_octets:
            raise ConfigurationError(
                "octets of an EventBudget must have room for one event, which may have"
                f" {SECURITY_EVENT_TOKEN.max_octets}"
            )


USUAL: Final = EventBudget()
"""A hundred events a second is more than a bank of millions of users has to tell, and less than a process can check."""


class BudgetLeft:
    """What is left of a budget in this process. All of it is left again after a minute in which nothing came."""

    def __init__(self, budget: EventBudget) -> None:
        self._events = TokenBucket(budget.events, _MINUTE / budget.events)
        self._octets = TokenBucket(budget.octets, _MINUTE / budget.octets)

    def wait(self, octets: int, now: float) -> float:
        """Seconds until an event of so many octets may come; 0 if it may come now."""
        return max(self._events.wait(now), self._octets.wait(now, octets))

    def require(self, octets: int, now: float) -> None:
        """Raise TooManyEvents if there is no room for an event of so many octets."""
        wait = self.wait(octets, now)
        if wait:
            raise TooManyEvents(
                "the transmitter sends more events than its EventBudget allows in a minute", retry_after=wait
            )

    def spend(self, octets: int, now: float) -> None:
        """Count an event, whether there is room or not."""
        self._events.count(now)
        self._octets.count(now, octets)
