"""A poll: what is known of its request, and the answer if it is not granted: pending, too fast, refused or expired.

Everything is read in one trip to the store. Each request has one small record: the time of its last poll, and the
interval. A poll that comes too early makes the interval longer, for this and all later polls.

Spec: RFC 8628 3.5; CIBA 11; RFC 9449 11.1a
Role: AS
"""

from __future__ import annotations

from typing import Final, NamedTuple

from askit.clients.client import Client
from askit.core import Core
from askit.decoupled.waiting import remembered_for, uri_of
from askit.errors import (
    AccessDenied,
    AuthorizationPending,
    InvalidGrant,
    InvalidRequest,
    LapsedRequest,
    Refused,
    SlowDown,
)
from askit.record_store import Step
from askit.records import DecidedRequest, PollingClock, WaitingRequest, read_stored
from askit.requests.dpop import use_proof
from fapikit.dpop import CheckedProof
from fapikit.parameters import Parameters

SLOWER: Final = 5.0
"""Seconds that each poll that comes too early adds to the interval."""
_TOLERATED: Final = 0.5
"""Seconds by which a poll may be early: the network does not carry all of them equally fast."""
_TRIES: Final = 20


class PolledGrant(NamedTuple):
    """A grant type that a client polls with, and the name of its secret.

    `poll_clause`: where it says how to poll. `error_clause`: where it says what a poll is told.
    """

    grant_type: str
    parameter: str
    poll_clause: str
    error_clause: str


class PolledRequest(NamedTuple):
    """`kind`: the grant that it is polled with. `decision`: the mark of the user's decision. `redeemed`: that of the
    redemption. `polls`: the stored clock.
    """

    kind: PolledGrant
    uri: str
    request: WaitingRequest
    decision: str | None
    granted: DecidedRequest | None
    redeemed: str | None
    polls: bytes | None


async def read_poll(core: Core, client: Client, parameters: Parameters, kind: PolledGrant) -> PolledRequest:
    """The request that this client's secret is for. Raises InvalidRequest, InvalidGrant, StoreError."""
    secret = parameters.get(kind.parameter)
    if secret is None:
        raise InvalidRequest(f"{kind.parameter} is missing", clause=kind.poll_clause)
    uri, records = uri_of(secret), core.records
    request, *known = await records.together(
        records.loading("request", uri, WaitingRequest),
        records.reading_mark("request-used", uri),
        records.loading("request-granted", uri, DecidedRequest),
        records.reading_mark("request-redeemed", uri),
        records.reading("polls", uri),
    )
    if request is None or request.client_id != client.client_id or request.grant_type != kind.grant_type:
        raise InvalidGrant(
            f"this {kind.parameter} is unknown, or was issued to another client", clause=kind.error_clause
        )
    return PolledRequest(kind, uri, request, *known)


async def answer_without_grant(
    core: Core, polled: PolledRequest, client: Client, proof: CheckedProof | None
) -> Refused:
    """The error for this poll. Its proof is used, and it is counted. Raises ReplayedProof, StoreError.

    A public client's proof is not marked as used: anybody may start a request and poll for it.
    """
    proof = None if client.auth_method == "none" else proof
    clause = polled.kind.error_clause
    if polled.decision is not None and not polled.decision.startswith("granted"):
        await use_proof(core, proof, client)
        return AccessDenied("the user refused", clause=clause)
    if core.clock() >= polled.request.expires_at:
        await use_proof(core, proof, client)
        return LapsedRequest("nobody decided in time: ask the user whether to start again", clause=clause)
    # An approval whose grant is not stored yet is still pending.
    early, counting = _counted(core, polled, client, polled.polls)
    (counted,) = await use_proof(core, proof, client, counting)
    for _ in range(_TRIES):
        if counted:
            break
        # Another poll was counted at this moment.
        early, counting = _counted(core, polled, client, await core.records.read("polls", polled.uri))
        counted = await core.records.do(counting)
    if early or not counted:
        return SlowDown(
            f"this poll is too early: wait {SLOWER:.0f} seconds longer between all further ones",
            clause=clause,
        )
    return AuthorizationPending("the user has not decided yet", clause=clause)


def _counted(
    core: Core, polled: PolledRequest, client: Client, seen: bytes | None
) -> tuple[bool, Step[bool]]:
    """Whether this poll is too early, and the step that counts it. `seen`: the stored clock."""
    now, early, interval = core.clock(), False, polled.request.interval
    if seen is not None:
        before = read_stored("polls", PollingClock, seen)
        early = now < before.last + before.interval - _TOLERATED
        interval = before.interval + SLOWER if early else before.interval
    counted = PollingClock(last=now, interval=interval).dump()
    lives = remembered_for(core, polled.request.expires_at)
    return early, core.records.swapping("polls", polled.uri, seen, counted, lives, client.owners)
