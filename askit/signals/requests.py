"""Reads what a receiver sends about its event stream: who it is, which stream, and each member by its type.

Unknown members are ignored. What this server sets may be sent back to it, unchanged.

Spec: SSF 4.2.3, 6.1, 8.1.1, 8.1.2
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from askit.clients.keys import require_public
from askit.config.shared_signals import SignalsReceiver
from askit.core import Core
from askit.errors import InsufficientScope, InvalidClientMetadata, InvalidRequest, NoReceiver, NoSuchStream
from askit.messages import read_body
from askit.requests.protected_resource import Caller
from askit.signals.streams import EventStream, find_stream
from fapikit import strict_json
from fapikit.signals.event_types import MANAGE_SCOPE, POLL, PUSH
from fapikit.urls import is_secure

_MOST_EVENTS: Final = 100
_LONGEST: Final = 2048
_DESCRIPTION: Final = 200
_HEADER: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")


def require_receiver(core: Core, caller: Caller, *scopes: str) -> SignalsReceiver:
    """The receiver whose token this is. One of the scopes is needed. Raises NoReceiver."""
    settings = core.config.shared_signals
    receiver = None if settings is None else settings.receiver(caller.client.client_id)
    if receiver is None:
        raise NoReceiver("this client is no receiver in the settings of this server")
    if not {MANAGE_SCOPE, *scopes} & set(caller.token.scopes):
        raise InsufficientScope(
            f"this needs the scope {' or '.join((*scopes, MANAGE_SCOPE))}", clause="SSF 8.1.1"
        )
    return receiver


async def require_stream(core: Core, receiver: SignalsReceiver, stream_id: object) -> EventStream:
    """Raises InvalidRequest, NoSuchStream, StoreError."""
    if not isinstance(stream_id, str):
        raise InvalidRequest("stream_id is missing, or no string", clause="SSF 8.1.1")
    stream = await find_stream(core, receiver.client_id)
    if stream is None or stream.stream_id != stream_id:
        raise NoSuchStream("this receiver has no event stream with this stream_id")
    return stream


async def read_members(request: Request) -> Mapping[str, Any]:
    """The JSON object in the body. Raises InvalidRequest."""
    body = await read_body(request)
    try:
        return strict_json.parse_object(body) if body else {}
    except ValueError as error:
        raise InvalidRequest("the body is not one JSON object", clause="SSF 8.1.1") from error


def text(members: Mapping[str, Any], name: str) -> str:
    """A string that may be absent. Raises InvalidRequest."""
    value = members.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise InvalidRequest(f"{name} is not a string of at most {_LONGEST} characters", clause="SSF 8.1.1")
    return value


def read_settings(core: Core, receiver: SignalsReceiver, members: Mapping[str, Any]) -> dict[str, Any]:
    """Those members that the receiver sets, as fields of its stream. Raises InvalidRequest."""
    fields: dict[str, Any] = {}
    if "events_requested" in members:
        fields["events_requested"] = _events(members["events_requested"])
    if "description" in members:
        fields["description"] = text(members, "description")[:_DESCRIPTION]
    if "delivery" in members:
        fields |= _delivery(core, receiver, members["delivery"])
    return fields


def require_unchanged(members: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    """Raise InvalidRequest if a member that this server sets is sent with another value."""
    for name in ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval"):
        if name in members and members[name] != shown[name]:
            raise InvalidRequest(
                f"{name} is set by this server: send it as it is, or not at all", clause="SSF 8.1.1"
            )


def _events(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_EVENTS or not all(isinstance(e, str) for e in value):
        raise InvalidRequest(
            f"events_requested is not a list of at most {_MOST_EVENTS} strings", clause="SSF 8.1.1"
        )
    return tuple(each[:_LONGEST] for each in value)


def _delivery(core: Core, receiver: SignalsReceiver, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest("delivery is not an object", clause="SSF 6.1")
    method = value.get("method")
    if method == POLL:
        return {"method": POLL, "endpoint_url": "", "authorization_header": ""}
    if method != PUSH:
        raise InvalidRequest(f"delivery.method must be {PUSH} or {POLL}", clause="SSF 6.1")
    url, header = value.get("endpoint_url"), value.get("authorization_header", "")
    if not isinstance(url, str) or len(url) > _LONGEST or not is_secure(url) or "#" in url:
        raise InvalidRequest("delivery.endpoint_url must be an https URL without fragment", clause="SSF 6.1")
    if not core.config.development_only and url not in receiver.push_endpoints:
        try:
            require_public(url, "delivery.endpoint_url")
        except InvalidClientMetadata as error:
            raise InvalidRequest(error.message, clause="SSF 6.1") from error
    if not isinstance(header, str) or len(header) > _LONGEST or (header and not _HEADER.match(header)):
        raise InvalidRequest("delivery.authorization_header is not the value of a header", clause="SSF 6.1")
    return {"method": PUSH, "endpoint_url": url, "authorization_header": header}
