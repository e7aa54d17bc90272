"""The configuration endpoint of event streams: a receiver creates, reads, changes, replaces and deletes its stream.

Spec: SSF 7.1, 8.1.1
Role: AS
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.errors import InvalidRequest, NoSuchStream, StreamExists
from askit.messages import json_answer, read_query
from askit.requests.protected_resource import Caller, answer_with_token
from askit.signals.push import begin_push
from askit.signals.queue import EventQueue
from askit.signals.requests import (
    read_members,
    read_settings,
    require_receiver,
    require_stream,
    require_unchanged,
)
from askit.signals.streams import (
    EventStream,
    add_stream,
    change_stream,
    find_stream,
    remove_stream,
    shown,
)
from fapikit import strict_json
from fapikit.secrets import random_token
from fapikit.signals.event_types import POLL, READ_SCOPE

WHERE = "event streams"


async def create(core: Core, request: Request) -> Response:
    """201 with the stream."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller)
        members = await read_members(request)
        fields = {"method": POLL, **read_settings(core, receiver, members)}
        stream_id = random_token(core.random_bytes, 16)
        stream = EventStream(stream_id=stream_id, client_id=receiver.client_id, **fields)
        if not await add_stream(core, stream):
            raise StreamExists("this receiver has an event stream already: read it, then change or delete it")
        return await _shown(core, stream, 201)

    return await answer_with_token(core, request, WHERE, answer)


async def read(core: Core, request: Request) -> Response:
    """200 with the stream of this `stream_id`; without one, with the list of all: one or none."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller, READ_SCOPE)
        stream_id = read_query(request, core.config.limits).get("stream_id")
        if stream_id is not None:
            return await _shown(core, await require_stream(core, receiver, stream_id))
        stream = await find_stream(core, receiver.client_id)
        listed = [] if stream is None else [_members(core, stream)]
        headers = {"cache-control": "no-store", **await core.nonce_header()}
        return Response(strict_json.dump_value(listed), 200, headers=headers, media_type="application/json")

    return await answer_with_token(core, request, WHERE, answer)


async def change(core: Core, request: Request) -> Response:
    """200. PATCH changes what is sent. PUT replaces all that the receiver sets."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller)
        members = await read_members(request)
        stream = await require_stream(core, receiver, members.get("stream_id"))
        fields = read_settings(core, receiver, members)
        if request.method == "PUT":
            nothing = EventStream(stream_id=stream.stream_id, client_id=stream.client_id)
            own = ("method", "endpoint_url", "authorization_header", "events_requested", "description")
            fields = {**{name: getattr(nothing, name) for name in own}, **fields}

        def changed(found: EventStream) -> EventStream:
            require_unchanged(members, _members(core, found))
            return replace(found, **fields)

        after = await change_stream(core, stream, changed)
        if after is None:
            raise NoSuchStream("this event stream was deleted meanwhile")
        await begin_push(core, receiver.client_id)
        return await _shown(core, after)

    return await answer_with_token(core, request, WHERE, answer)


async def delete(core: Core, request: Request) -> Response:
    """204. Events that wait are gone."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller)
        stream_id = read_query(request, core.config.limits).get("stream_id")
        if stream_id is None:
            raise InvalidRequest("stream_id is missing", clause="SSF 8.1.1")
        stream = await require_stream(core, receiver, stream_id)
        await remove_stream(core, stream)
        settings = core.config.shared_signals
        if settings is not None:
            await EventQueue(core, settings, stream).clear()
        return Response(status_code=204, headers={"cache-control": "no-store", **await core.nonce_header()})

    return await answer_with_token(core, request, WHERE, answer)


def poll_url(core: Core, stream: EventStream) -> str:
    return core.endpoint(f"event_streams/{stream.stream_id}/poll")


def _members(core: Core, stream: EventStream) -> dict[str, Any]:
    return shown(core, stream, poll_url(core, stream))


async def _shown(core: Core, stream: EventStream, status: int = 200) -> Response:
    return json_answer(_members(core, stream), status, await core.nonce_header())
