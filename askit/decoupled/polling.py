"""A poll for a request that is not granted: pending, too fast, refused or expired.

Each request has one small record: the time of its last poll, and the interval. A poll that comes too early makes the
interval longer, for this and all later polls.

Spec: RFC 8628 3.5; CIBA 11
Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.core import Core
from askit.decoupled.waiting import remembered_for
from askit.errors import AccessDenied, AuthorizationPending, LapsedRequest, Refused, SlowDown
from askit.records import Owners, PollingClock, WaitingRequest, read_stored

SLOWER: Final = 5.0
"""Seconds that each poll that comes too early adds to the interval."""
_TOLERATED: Final = 0.5
"""Seconds by which a poll may be early: the network does not carry all of them equally fast."""
_TRIES: Final = 20


async def answer_without_grant(core: Core, uri: str, request: WaitingRequest, owners: Owners) -> Refused:
    """The error for this poll. Nothing but the clock of polls changes. Raises StoreError."""
    decided = await core.records.marked("request-used", uri)
    if decided is not None and not decided.startswith("granted"):
        return AccessDenied("the user refused", clause="RFC 8628 3.5")
    if core.clock() >= request.expires_at:
        return LapsedRequest("nobody decided in time: ask the user whether to start again")
    # An approval whose grant is not stored yet is still pending.
    if await _is_too_early(core, uri, request, owners):
        return SlowDown(f"this poll is too early: wait {SLOWER:.0f} seconds longer between all further ones")
    return AuthorizationPending("the user has not decided yet")


async def _is_too_early(core: Core, uri: str, request: WaitingRequest, owners: Owners) -> bool:
    """Count this poll."""
    for _ in range(_TRIES):
        now, seen = core.clock(), await core.records.read("polls", uri)
        if seen is None:
            early, interval = False, request.interval
        else:
            before = read_stored("polls", PollingClock, seen)
            early = now < before.last + before.interval - _TOLERATED
            interval = before.interval + SLOWER if early else before.interval
        counted = PollingClock(last=now, interval=interval).dump()
        lives = remembered_for(core, request.expires_at)
        if await core.records.swap("polls", uri, seen, counted, lives, owners):
            return early
    return True  # so many polls at one moment
