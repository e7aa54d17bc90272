"""The call with which this server tells a client that its user has decided: one POST, in the background.

Where the endpoint could not be reached, or a gateway or the client says that it cannot take the call now (502, 503,
504), it is tried again, a bounded number of times. A refusal is not, and a redirect is not followed. Whatever the
endpoint answers is logged and changes nothing: the decision is stored before the call, so a ping client can still poll.
Once it took the call, or refused it, the notice is removed: nobody sends it again (`due_notices`).
`askit.clients.keys` says which addresses this server connects to.

Spec: CIBA 10.2a, 10.2c, 10.3.1a, 10.3.1c, 12
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.backchannel import NOTIFICATION_ENDPOINT
from askit.clients.client import Client
from askit.core import Core
from fapikit import strict_json
from fapikit.errors import ResponseTooLarge, StoreError, TransportError, UnexpectedRedirect
from fapikit.flow import Flow, background, call, http, sleep
from fapikit.http_message import HttpRequest
from fapikit.secrets import Concealed, Secret

TIMEOUT: Final = 5.0
PAUSES: Final = (0.0, 1.0, 5.0)
"""Seconds before each attempt. The next one is only made if the endpoint could not take the last one."""
_SETTLE_PAUSES: Final = (0.0, 1.0, 5.0, 10.0)
"""The same for the store, where the notice is removed. Together they end before the notice is overdue."""
_SETTLE_TIMEOUT: Final = 3.0
_NOT_NOW: Final = frozenset({502, 503, 504})
"""A client whose store does not answer says 503: the tokens of a push would be lost."""
_ANSWER_OCTETS: Final = 1024
"""An answer has no body that matters (204). Of a longer one no more is read."""


async def notify(core: Core, uri: str, client: Client, token: Secret, message: Mapping[str, Any]) -> None:
    """Start to send `message` to the client. `uri`: the waiting request; it is told of once at a time."""
    body = Concealed(strict_json.dump(message))
    key = ("notification", core.config.issuer, uri)
    await core.run(background(key, lambda: _send_and_settle(core, uri, client, token, body)))


def _send_and_settle(
    core: Core, uri: str, client: Client, token: Secret, body: Concealed[bytes]
) -> Flow[None]:
    if not (yield from send_notification(core, client, token, body)):
        return
    for pause in _SETTLE_PAUSES:
        if pause:
            yield from sleep(pause)
        try:
            yield from call(_settle, core, uri, client.client_id, deadline=_SETTLE_TIMEOUT)
        except (StoreError, TimeoutError) as error:
            why = str(error)
        else:
            return
    core.log.warning("%s heard of a decision, and may hear of it again: %s", client.client_id, why)


async def _settle(core: Core, uri: str, client_id: str) -> None:
    """The notice goes first: without it nothing is told, whatever the list says."""
    await core.records.remove("notice", uri)
    await core.due_notices.remove(client_id, uri)


def send_notification(core: Core, client: Client, token: Secret, body: Concealed[bytes]) -> Flow[bool]:
    """Whether the client's endpoint took it (any 2xx) or refused it. It raises nothing: a failure is in the log."""
    request = _request(client, token, body)
    why, answered = "it cannot be reached", False
    for pause in PAUSES:
        if pause:
            yield from sleep(pause)
        try:
            response = yield from core.waiting_for_notifications.wait(client.client_id, http(request))
        except ResponseTooLarge:
            why = "its answer is too long to be read"
            answered = True
            break
        except UnexpectedRedirect:
            why = "it answered with a redirect, which is not followed"
            answered = True
            break
        except TransportError as error:
            why = str(error)
            continue
        if response.success:
            return True
        why = f"it answered {response.status}"
        if response.status not in _NOT_NOW:
            answered = True
            break
    core.log.warning("the notification endpoint of %s was not told of a decision: %s", client.client_id, why)
    return answered


def _request(client: Client, token: Secret, body: Concealed[bytes]) -> HttpRequest:
    headers: tuple[tuple[str, str | Secret], ...] = (
        ("content-type", "application/json"),
        ("authorization", Secret(f"Bearer {token.reveal()}")),
    )
    url = str(client.metadata[NOTIFICATION_ENDPOINT])
    return HttpRequest("POST", url, headers, body, timeout=TIMEOUT, max_bytes=_ANSWER_OCTETS)
