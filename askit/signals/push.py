"""Posts the events of a queue to their receiver, one after another, in the background.

An event goes from the queue when its receiver has taken it (2xx) or has refused it as such (400). Whatever else comes
back, or nothing, leaves it there with all that follow, so their order stays. It is tried again at once a few times, and
then whenever the outbox says that the queue is overdue, until the event has ended. The outbox is that of CIBA: any
process takes over from one that died.

Spec: RFC 8935 2.1, 2.2, 2.3, 2.4; SSF 6.1, 8.1.2
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from askit.core import Core
from askit.signals.event_token import event_token
from askit.signals.queue import EventQueue
from askit.signals.streams import ENABLED, EventStream, find_stream
from fapikit.errors import FapiError, TransportError
from fapikit.flow import Flow, background, call, http, sleep
from fapikit.http_message import HttpRequest, read_retry_after
from fapikit.secrets import Secret
from fapikit.signals.push import MEDIA_TYPE

TIMEOUT: Final = 5.0
PAUSES: Final = (0.0, 1.0, 5.0)
"""Seconds before each attempt; more, if the receiver asks for it."""
_LONGEST_ASKED: Final = 60.0
"""Seconds that a receiver's Retry-After counts for at most: nothing is pushed to it by this process meanwhile."""
STORE_TIMEOUT: Final = 5.0
_AT_ONCE: Final = 20
_ANSWER_OCTETS: Final = 4096
_PREFIX: Final = "event-stream "
"""Names a queue in the outbox, beside the URIs of waiting requests."""


async def note_due(core: Core, client_id: str) -> None:
    """Note that the receiver has something to hear, before anybody tells it. Raises StoreError."""
    settings = core.config.shared_signals
    if settings is not None:
        until = core.clock() + settings.kept
        await core.due_notices.add(client_id, _PREFIX + client_id, until, patient=True)


async def begin_push(core: Core, client_id: str) -> None:
    """Begin to push what waits for this receiver, unless this process does already. It raises nothing."""
    key = ("event-push", core.config.issuer, client_id)
    await core.run(background(key, lambda: _push_all(core, client_id)))


def is_queue(name: str) -> bool:
    return name.startswith(_PREFIX)


async def push_anew(core: Core, name: str) -> bool:
    """Push a queue that is overdue. Returns whether nothing waits in it. Raises StoreError."""
    client_id = name.removeprefix(_PREFIX)
    if await _next_of(core, client_id) is None:
        return True
    await begin_push(core, client_id)
    return False


def _push_all(core: Core, client_id: str) -> Flow[None]:
    """It raises nothing: a failure is in the log, and the outbox knows what is left."""
    try:
        while True:
            found = yield from call(_next_of, core, client_id, deadline=STORE_TIMEOUT)
            if found is None:
                yield from call(
                    core.due_notices.remove, client_id, _PREFIX + client_id, deadline=STORE_TIMEOUT
                )
                # Another process may have added an event just before the notice was removed.
                found = yield from call(_next_of, core, client_id, deadline=STORE_TIMEOUT)
                if found is None:
                    return
                yield from call(note_due, core, client_id, deadline=STORE_TIMEOUT)
            stream, events = found
            for claims in events:
                if not (yield from _push(core, stream, claims)):
                    return
    except (FapiError, TimeoutError) as error:
        core.log.warning("events for %s are not pushed now: %s", client_id, error)


async def _next_of(core: Core, client_id: str) -> tuple[EventStream, list[dict[str, Any]]] | None:
    settings, stream = core.config.shared_signals, await find_stream(core, client_id)
    if settings is None or stream is None or not stream.pushes or stream.status != ENABLED:
        return None
    queue = EventQueue(core, settings, stream)
    more = True
    events: list[dict[str, Any]] = []
    while more and not events:
        events, more = await queue.first(_AT_ONCE)
    return (stream, events) if events else None


def _push(core: Core, stream: EventStream, claims: dict[str, Any]) -> Flow[bool]:
    """Whether this event is done with."""
    why, asked = "", 0.0
    for pause in PAUSES:
        if pause or asked:
            yield from sleep(max(pause, asked))
        token = yield from call(event_token, core, claims, deadline=STORE_TIMEOUT)
        try:
            request = _request(stream, Secret(token))
            response = yield from core.waiting_for_notifications.wait(stream.client_id, http(request))
        except TransportError as error:
            why = str(error)
            continue
        if response.success or response.status == 400:
            if not response.success:
                core.log.warning("%s refused the event %s", stream.client_id, claims["jti"])
            yield from call(_done, core, stream, claims["jti"], deadline=STORE_TIMEOUT)
            return True
        why = f"it answered {response.status}"
        asked = min(read_retry_after(response, core.clock()) or 0.0, _LONGEST_ASKED)
    core.log.warning("an event waits for %s, which did not take it: %s", stream.client_id, why)
    return False


async def _done(core: Core, stream: EventStream, jti: str) -> None:
    settings = core.config.shared_signals
    if settings is not None:
        await EventQueue(core, settings, stream).remove([jti])


def _request(stream: EventStream, token: Secret) -> HttpRequest:
    headers: tuple[tuple[str, str | Secret], ...] = (
        ("content-type", MEDIA_TYPE),
        ("accept", "application/json"),
    )
    if stream.authorization_header:
        headers += (("authorization", Secret(stream.authorization_header)),)
    return HttpRequest(
        "POST",
        stream.endpoint_url,
        headers,
        token.reveal().encode(),
        timeout=TIMEOUT,
        max_bytes=_ANSWER_OCTETS,
    )
