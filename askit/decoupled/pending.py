"""The requests that wait for one user (CIBA), so that the user finds them: a list of limited length in the store.

It is changed by a swap, so no process loses what another one adds. Requests that are decided or expired fall out when
the next one comes. Nobody can fill a user's screen: so many of one client may be undecided, and so many in all.

Spec: CIBA 7.1.2, 7.2; FAPI-CIBA 7.7
Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.clients.client import Client
from askit.config.values import User
from askit.core import Core
from askit.errors import InvalidRequestUri, TooManyPending
from askit.record_fields import reading
from askit.records import PendingRequests, WaitingRequest, read_stored
from askit.requests.request_uris import open_waiting_request
from fapikit.errors import StoreUnavailable

_TRIES: Final = 200
"""A lost swap means that another request was added."""


async def add_pending(core: Core, uri: str, request: WaitingRequest, user: User) -> None:
    """Let the user find a request that is stored next. Raises TooManyPending, StoreError."""
    for _ in range(_TRIES):
        seen = await core.records.read("pending", user.username)
        pending = await _undecided(core, seen)
        _require_room(core, pending, request)
        pending[uri] = (request.client_id, request.expires_at)
        last = max(until for _, until in pending.values())
        new = PendingRequests(requests=pending).dump()
        if await core.records.swap("pending", user.username, seen, new, last - core.clock()):
            return
    raise StoreUnavailable("too many requests for one user at the same time")


async def pending_of(core: Core, user: User) -> list[tuple[Client, str, WaitingRequest]]:
    """What this user can decide now, newest first: each with its client and the URI of its page, which is open from
    here on. Raises StoreError.
    """
    found = []
    for uri, (client_id, _) in _listed(await core.records.read("pending", user.username)).items():
        client = await core.clients.find(client_id)
        if client is None:
            continue
        try:
            opened = await open_waiting_request(core, uri, client)
        except InvalidRequestUri:  # decided or expired, or its record is only just being written
            continue
        request = opened.request
        if isinstance(request, WaitingRequest) and user.sub in request.subjects:
            found.append((client, uri, request))
    return sorted(found, key=lambda each: -each[2].created_at)


async def _undecided(core: Core, stored: bytes | None) -> dict[str, tuple[str, float]]:
    """Those that are neither decided nor expired. One trip asks for all."""
    records, now = core.records, core.clock()
    listed = {uri: entry for uri, entry in _listed(stored).items() if entry[1] > now}
    if not listed:
        return {}
    marks = await records.together(*(records.reading_mark("request-used", uri) for uri in listed))
    return {uri: entry for (uri, entry), mark in zip(listed.items(), marks, strict=True) if mark is None}


def _listed(stored: bytes | None) -> dict[str, tuple[str, float]]:
    if stored is None:
        return {}
    kept = read_stored("pending", PendingRequests, stored)
    with reading("pending"):
        return {uri: (str(client_id), float(until)) for uri, (client_id, until) in kept.requests.items()}


def _require_room(core: Core, pending: dict[str, tuple[str, float]], request: WaitingRequest) -> None:
    limits = core.config.limits
    of_client = sum(client_id == request.client_id for client_id, _ in pending.values())
    if of_client >= limits.pending_per_user or len(pending) >= limits.pending_per_user_in_all:
        raise TooManyPending(
            "this user has not decided on earlier requests: wait until they are decided or have expired"
            " (limits.pending_per_user)",
            facts={"of_this_client": of_client, "in_all": len(pending)},
        )
