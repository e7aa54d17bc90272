"""Event streams at a server that speaks Shared Signals: made, read, changed and ended with a token of the client's own.

What `SecurityEvents` hears is what its stream delivers. Nothing of a stream of another issuer is used.

Spec: SSF 6.1, 7.2.4, 8.1.1, 8.1.2, 8.1.4
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from fapikit import strict_json
from fapikit.errors import IssuerMismatch, MalformedMessage
from fapikit.flow import Flow
from fapikit.http_message import HttpResponse, read_json_object
from fapikit.secrets import Secret, random_token
from fapikit.signals.event_types import MANAGE_SCOPE, POLL, PUSH
from fapikit.signals.receiver import expect_verification
from fapikit.signals.transmitters import fetch_transmitter_metadata
from fapikit.urls import require_no_downgrade, require_secure
from rpkit.api.challenge import read_resource_refusal
from rpkit.api.protected_call import call_protected
from rpkit.bank import Bank
from rpkit.errors import NoAccessToken
from rpkit.grants.client_credentials import client_credentials
from rpkit.tokens.certificate_binding import require_certificate
from rpkit.tokens.token_set import TokenSet, require_own

_CLAUSE: Final = "SSF 8.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStream:
    """A stream. `audience`: the `aud` of its events. `endpoint`: where they are pushed to, or polled from.

    `members`: the whole answer, as it came.
    """

    stream_id: str
    issuer: str
    audience: tuple[str, ...]
    events_delivered: tuple[str, ...]
    method: str
    endpoint: str
    members: Mapping[str, Any] = field(repr=False)

    @property
    def pushes(self) -> bool:
        return self.method == PUSH


def create_event_stream(
    bank: Bank,
    *,
    push_endpoint: str | None = None,
    push_authorization: Secret | None = None,
    events_requested: Iterable[str] | None = None,
    description: str | None = None,
    tokens: TokenSet | None = None,
) -> Flow[EventStream]:
    """Make the stream of this client. Without `push_endpoint` it is polled.

    `push_authorization`: the whole Authorization header of each push. `events_requested`: the URIs of the events; None:
    all. `tokens`: a set of `client_credentials` with the scope `ssf.manage`. Without it, one is fetched.
    Raises InsecureUrl, MetadataError, NoAccessToken before the call; then PeerRefused (status 409: there is one
    already), IssuerMismatch, MalformedMessage, TransportError.
    """
    wish: dict[str, Any] = {"delivery": {"method": POLL}}
    if push_endpoint is not None:
        require_secure(push_endpoint, "push_endpoint")
        wish["delivery"] = {"method": PUSH, "endpoint_url": push_endpoint}
        if push_authorization is not None:
            wish["delivery"]["authorization_header"] = push_authorization.reveal()
    if events_requested is not None:
        wish["events_requested"] = list(events_requested)
    if description is not None:
        wish["description"] = description
    response = yield from _call(bank, "POST", "configuration_endpoint", tokens, wish)
    return _read(bank, _object(response))


def event_streams(bank: Bank, *, tokens: TokenSet | None = None) -> Flow[tuple[EventStream, ...]]:
    """The streams of this client. Raises as `create_event_stream` does."""
    response = yield from _call(bank, "GET", "configuration_endpoint", tokens)
    if not response.success:
        raise read_resource_refusal(response, clause=_CLAUSE)
    try:
        listed = strict_json.parse_value(response.body)
    except ValueError:
        listed = None
    listed = [listed] if isinstance(listed, dict) else listed  # as drafts of SSF had it
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise MalformedMessage("the answer is not a list of event streams", clause=_CLAUSE)
    return tuple(_read(bank, each) for each in listed)


def request_events(
    bank: Bank, stream: EventStream, events: Iterable[str], *, tokens: TokenSet | None = None
) -> Flow[EventStream]:
    """Change which events a stream delivers. Raises as `create_event_stream` does."""
    wish = {"stream_id": stream.stream_id, "events_requested": list(events)}
    response = yield from _call(bank, "PATCH", "configuration_endpoint", tokens, wish)
    return _read(bank, _object(response))


def delete_event_stream(bank: Bank, stream: EventStream, *, tokens: TokenSet | None = None) -> Flow[None]:
    """End a stream. Raises as `create_event_stream` does."""
    query = f"?{urlencode({'stream_id': stream.stream_id})}"
    response = yield from _call(bank, "DELETE", "configuration_endpoint", tokens, query=query)
    if not response.success:
        raise read_resource_refusal(response, clause=_CLAUSE)


def set_event_stream_status(
    bank: Bank, stream: EventStream, status: str, *, tokens: TokenSet | None = None
) -> Flow[str]:
    """Set it to `enabled`, `paused` or `disabled`. Returns the status that it has then."""
    wish = {"stream_id": stream.stream_id, "status": status}
    response = yield from _call(bank, "POST", "status_endpoint", tokens, wish)
    now = _object(response).get("status")
    if not isinstance(now, str):
        raise MalformedMessage("the answer has no status", clause="SSF 8.1.2")
    return now


def verify_event_stream(bank: Bank, stream: EventStream, *, tokens: TokenSet | None = None) -> Flow[None]:
    """Ask for a verification event. `SecurityEvents` takes it, and refuses one that was not asked for.

    The `store` of this client must be that of the processes that hear. Raises as `create_event_stream` does.
    """
    state = random_token(bank.settings.random_bytes)
    yield from expect_verification(bank.settings.store, bank.issuer, state)
    wish = {"stream_id": stream.stream_id, "state": state}
    response = yield from _call(bank, "POST", "verification_endpoint", tokens, wish)
    if not response.success:
        raise read_resource_refusal(response, clause="SSF 8.1.4")


def _call(
    bank: Bank,
    method: str,
    endpoint: str,
    tokens: TokenSet | None,
    wish: Mapping[str, Any] | None = None,
    *,
    query: str = "",
) -> Flow[HttpResponse]:
    url = (yield from fetch_transmitter_metadata(bank.issuer)).endpoint(endpoint)
    if tokens is None:
        tokens = yield from client_credentials(bank, scope=MANAGE_SCOPE)
    require_own(tokens, bank.issuer, bank.settings.client_id)
    token = tokens.find(None)
    if token is None:
        raise NoAccessToken(
            f"the token set has no access token for the server itself: request {MANAGE_SCOPE} without a resource"
        )
    require_certificate(bank, token)
    headers: tuple[tuple[str, str], ...] = (("accept", "application/json"),)
    if wish is not None:
        headers += (("content-type", "application/json"),)
    body = b"" if wish is None else strict_json.dump(wish)
    return (
        yield from call_protected(
            bank, method, url + query, token=token, dpop=tokens.dpop, headers=headers, body=body
        )
    )


def _object(response: HttpResponse) -> Mapping[str, Any]:
    if not response.success:
        raise read_resource_refusal(response, clause=_CLAUSE)
    return read_json_object(response, clause=_CLAUSE, status=response.status)


def _read(bank: Bank, members: Mapping[str, Any]) -> EventStream:
    """Raises IssuerMismatch, MalformedMessage, InsecureUrl."""
    if members.get("iss") != bank.issuer:
        raise IssuerMismatch(
            "this event stream is of another issuer: nothing of it is used",
            clause=_CLAUSE,
            facts={"expected": bank.issuer, "got": str(members.get("iss"))[:200]},
        )
    delivery = members.get("delivery")
    named = delivery if isinstance(delivery, dict) else {}
    method, endpoint = named.get("method"), named.get("endpoint_url")
    audience = members.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    delivered = members.get("events_delivered", [])
    for name, good in (
        ("stream_id", isinstance(members.get("stream_id"), str) and bool(members["stream_id"])),
        ("aud", _are_strings(audiences) and bool(audiences)),
        ("events_delivered", _are_strings(delivered)),
        ("delivery.method", method in (PUSH, POLL)),
        ("delivery.endpoint_url", isinstance(endpoint, str)),
    ):
        if not good:
            raise MalformedMessage(
                f"{name} of the event stream is missing, or is not what SSF says",
                clause=_CLAUSE,
                facts={"member": name},
            )
    if method == POLL:
        require_secure(str(endpoint), "delivery.endpoint_url")
        require_no_downgrade(bank.issuer, str(endpoint), "delivery.endpoint_url")
    return EventStream(
        stream_id=members["stream_id"],
        issuer=bank.issuer,
        audience=tuple(audiences or ()),
        events_delivered=tuple(delivered),
        method=str(method),
        endpoint=str(endpoint),
        members=members,
    )


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
