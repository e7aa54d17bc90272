"""What else a receiver does with its event stream: pause it, leave out a subject, ask for a verification event.

Spec: SSF 8.1.2, 8.1.3, 8.1.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from askit.config.shared_signals import SharedSignals
from askit.core import Core
from askit.endpoints.event_streams import WHERE
from askit.errors import InvalidRequest, NoSuchStream, TooManyVerifications
from askit.messages import json_answer, read_query
from askit.requests.protected_resource import Caller, answer_with_token
from askit.signals.announce import name_of
from askit.signals.event_token import event_claims
from askit.signals.push import begin_push, note_due
from askit.signals.queue import EventQueue
from askit.signals.requests import read_members, require_receiver, require_stream, text
from askit.signals.shares import THE_STREAM
from askit.signals.streams import DISABLED, ENABLED, PAUSED, EventStream, change_stream
from fapikit.errors import MalformedClaim
from fapikit.signals.event_types import READ_SCOPE, VERIFICATION
from fapikit.signals.subjects import read_subject

_STATUSES: Final = (ENABLED, PAUSED, DISABLED)
_MOST_REMOVED: Final = 1000
_REASON: Final = 200


async def read_status(core: Core, request: Request) -> Response:
    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller, READ_SCOPE)
        stream_id = read_query(request, core.config.limits).get("stream_id")
        return await _status(core, await require_stream(core, receiver, stream_id))

    return await answer_with_token(core, request, WHERE, answer)


async def change_status(core: Core, request: Request) -> Response:
    """While it is paused, events wait. When it is disabled, those that wait are dropped, and no others come."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller)
        members = await read_members(request)
        stream = await require_stream(core, receiver, members.get("stream_id"))
        status, reason = members.get("status"), text(members, "reason")[:_REASON]
        if status not in _STATUSES:
            raise InvalidRequest(f"status must be {', '.join(_STATUSES)}", clause="SSF 8.1.2")
        if status == ENABLED and stream.pushes:
            # First, so that another process pushes what waits if this one dies.
            await note_due(core, receiver.client_id)
        after = await _changed(core, stream, lambda found: replace(found, status=status, reason=reason))
        if status == DISABLED:
            await EventQueue(core, _settings(core), stream).clear()
        elif status == ENABLED:
            await begin_push(core, receiver.client_id)
        return await _status(core, after)

    return await answer_with_token(core, request, WHERE, answer)


async def add_subject(core: Core, request: Request) -> Response:
    """200. Every subject is in a new stream, so this takes back a removal."""

    def added(stream: EventStream, name: str) -> EventStream:
        return replace(stream, removed=tuple(each for each in stream.removed if each != name))

    return await _change_subjects(core, request, added, 200)


async def remove_subject(core: Core, request: Request) -> Response:
    """204. The receiver hears no more of this user."""

    def removed(stream: EventStream, name: str) -> EventStream:
        if name not in stream.removed and len(stream.removed) >= _MOST_REMOVED:
            raise InvalidRequest(
                f"at most {_MOST_REMOVED} subjects can be removed from a stream", clause="SSF 8.1.3"
            )
        return replace(stream, removed=tuple(dict.fromkeys((*stream.removed, name))))

    return await _change_subjects(core, request, removed, 204)


async def verify(core: Core, request: Request) -> Response:
    """204. A verification event is in the queue, behind what waits there."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller, READ_SCOPE)
        members = await read_members(request)
        stream = await require_stream(core, receiver, members.get("stream_id"))
        state = {"state": text(members, "state")} if "state" in members else {}
        await _changed(core, stream, lambda found: _verified_now(core, found))
        subject = {"format": "opaque", "id": stream.stream_id}
        claims = event_claims(core, stream, VERIFICATION, state, subject)
        await EventQueue(core, _settings(core), stream).add(claims, THE_STREAM)
        if stream.pushes:
            await note_due(core, receiver.client_id)
            await begin_push(core, receiver.client_id)
        return Response(status_code=204, headers=await _headers(core))

    return await answer_with_token(core, request, WHERE, answer)


def _verified_now(core: Core, stream: EventStream) -> EventStream:
    if stream.status == DISABLED:
        raise InvalidRequest("the stream is disabled, so it carries no event", clause="SSF 8.1.2")
    now = core.clock()
    if now - stream.verified_at < _settings(core).verification_interval:
        raise TooManyVerifications(
            "min_verification_interval of the stream has not passed since the last one"
        )
    return replace(stream, verified_at=now)


async def _change_subjects(
    core: Core, request: Request, change: Callable[[EventStream, str], EventStream], status: int
) -> Response:
    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller)
        members = await read_members(request)
        stream = await require_stream(core, receiver, members.get("stream_id"))
        name = _name_in(core, members.get("subject"))
        await _changed(core, stream, lambda found: change(found, name))
        return Response(status_code=status, headers=await _headers(core))

    return await answer_with_token(core, request, WHERE, answer)


def _name_in(core: Core, subject: Any) -> str:
    """Raises InvalidRequest, NoSuchStream: this server names users by its own subjects alone."""
    try:
        read = read_subject(subject, about="subject")
    except MalformedClaim as error:
        raise InvalidRequest(error.message, clause=error.clause) from error
    if read.format != "iss_sub" or read.members["iss"] != core.config.issuer:
        raise NoSuchStream(
            "this server knows a subject as iss_sub of its own issuer, and no other", clause="SSF 8.1.3"
        )
    return name_of({"format": "iss_sub", **read.members})


async def _changed(
    core: Core, stream: EventStream, change: Callable[[EventStream], EventStream]
) -> EventStream:
    after = await change_stream(core, stream, change)
    if after is None:
        raise NoSuchStream("this event stream was deleted meanwhile")
    return after


async def _status(core: Core, stream: EventStream) -> Response:
    reason = {"reason": stream.reason} if stream.reason else {}
    members = {"stream_id": stream.stream_id, "status": stream.status, **reason}
    return json_answer(members, 200, await core.nonce_header())


async def _headers(core: Core) -> dict[str, str]:
    return {"cache-control": "no-store", **await core.nonce_header()}


def _settings(core: Core) -> SharedSignals:
    settings = core.config.shared_signals
    assert settings is not None  # noqa: S101 - these endpoints exist only with it
    return settings
