"""The endpoint at which a receiver fetches its events, and acknowledges those that it has.

An event stays until it is acknowledged, refused by its receiver, or too old. So a receiver that was away, or died after
it had fetched, gets all of it. Without `returnImmediately` a poll waits for the next event for a while; a second one of
the same stream does not.

Spec: RFC 8936 2.2, 2.3, 2.4; SSF 6.1, 8.1.2
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.endpoints.event_streams import WHERE
from askit.errors import InvalidRequest
from askit.messages import json_answer
from askit.requests.protected_resource import Caller, answer_with_token
from askit.signals.event_token import event_token
from askit.signals.queue import EventQueue
from askit.signals.requests import read_members, require_receiver, require_stream
from askit.signals.streams import ENABLED
from fapikit.signals.event_types import READ_SCOPE

LONGEST_WAIT: Final = 20.0
"""Seconds that a poll waits for an event."""
LOOK_EVERY: Final = 0.5
AT_ONCE: Final = 50
"""Events in one answer at most."""
_MOST_ACKNOWLEDGED: Final = 1000


async def poll(core: Core, request: Request) -> Response:
    """200 with `sets` and `moreAvailable`."""

    async def answer(caller: Caller) -> Response:
        receiver = require_receiver(core, caller, READ_SCOPE)
        stream = await require_stream(core, receiver, request.path_params["stream_id"])
        members = await read_members(request)
        most, at_once = _read_wish(members)
        if stream.pushes:
            raise InvalidRequest("the events of this stream are pushed", clause="SSF 6.1")
        settings = core.config.shared_signals
        assert settings is not None  # noqa: S101 - this endpoint exists only with it
        queue = EventQueue(core, settings, stream)
        await _acknowledge(core, queue, receiver.client_id, members)
        found: list[dict[str, Any]] = []
        more = False
        if most and stream.status == ENABLED:
            found, more = await queue.first(most)
            if not found and not more and not at_once:
                found, more = await _wait(core, queue, stream.stream_id, most)
        sets = {claims["jti"]: await event_token(core, claims) for claims in found}
        return json_answer({"sets": sets, "moreAvailable": more}, 200, await core.nonce_header())

    return await answer_with_token(core, request, WHERE, answer)


async def _wait(
    core: Core, queue: EventQueue, stream_id: str, most: int
) -> tuple[list[dict[str, Any]], bool]:
    if stream_id in core.polled_streams:
        return [], False
    core.polled_streams.add(stream_id)
    try:
        until = asyncio.get_running_loop().time() + LONGEST_WAIT
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(LOOK_EVERY)
            found, more = await queue.first(most)
            if found or more:
                return found, more
    finally:
        core.polled_streams.discard(stream_id)
    return [], False


def _read_wish(members: Mapping[str, Any]) -> tuple[int, bool]:
    """How many events are wanted, and whether now. Raises InvalidRequest."""
    most, at_once = members.get("maxEvents", AT_ONCE), members.get("returnImmediately", False)
    if type(most) is not int or most < 0:
        raise InvalidRequest("maxEvents is not a number of 0 or more", clause="RFC 8936 2.2")
    if type(at_once) is not bool:
        raise InvalidRequest("returnImmediately is not true or false", clause="RFC 8936 2.2")
    return min(most, AT_ONCE), at_once


async def _acknowledge(core: Core, queue: EventQueue, client_id: str, members: Mapping[str, Any]) -> None:
    """Raises InvalidRequest before anything is acknowledged; StoreError."""
    done, refused = members.get("ack", []), members.get("setErrs", {})
    if not isinstance(done, list) or not all(isinstance(jti, str) for jti in done):
        raise InvalidRequest("ack is not a list of strings", clause="RFC 8936 2.2")
    if not isinstance(refused, dict) or not all(isinstance(why, dict) for why in refused.values()):
        raise InvalidRequest("setErrs is not an object of objects", clause="RFC 8936 2.2")
    if len(done) + len(refused) > _MOST_ACKNOWLEDGED:
        raise InvalidRequest(
            f"acknowledge at most {_MOST_ACKNOWLEDGED} events at once", clause="RFC 8936 2.2"
        )
    removed = await queue.remove([*refused, *done])
    for jti, why in refused.items():
        if jti in removed:
            core.log.warning("%s refused the event %s: %r", client_id, jti, str(why.get("err"))[:60])
