"""Looking after a registration: reading it, replacing it, giving it up, with the token that came with it.

Each call may bring a new token and address: the `Registration` returned is the one to keep.

Spec: RFC 7592 1.3, 2, 2.1, 2.2, 2.3, 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow, http
from fapikit.http_message import Fields, HttpRequest, HttpResponse, read_refusal
from fapikit.profiles import Profile
from fapikit.secrets import Secret
from rpkit.errors import RegistrationError
from rpkit.registration.answer import Registration, read_registration_answer
from rpkit.registration.registration import check_request
from rpkit.registration.signed_request import SignedRequest, request_body

_THE_SERVERS: Final = frozenset(
    [
        "client_id_issued_at",
        "client_secret",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
    ]
)
"""What an update must not contain, or need not: so `registration.metadata`, with changes, will do (RFC 7592 2.2)."""


def read_registration(registration: Registration) -> Flow[Registration]:
    """What the server has registered by now.

    Raises ConfigurationError, PeerRefused, RegistrationError, UnexpectedStatus, TransportError.
    """
    response = yield from _call(registration, "GET")
    return _read(registration, response, {})


def update_registration(
    registration: Registration,
    client_metadata: Mapping[str, Any],
    *,
    profile: Profile,
    signed: SignedRequest | None = None,
) -> Flow[Registration]:
    """Put this metadata in the place of all that is registered: what is left out is taken away.

    Raises ForbiddenByProfile, ConfigurationError before the call; then PeerRefused, RegistrationError, TransportError.
    `Registration.kept_in(error)` is what is registered by then, where the answer is refused.
    """
    asked = {name: value for name, value in client_metadata.items() if name not in _THE_SERVERS}
    if asked.setdefault("client_id", registration.client_id) != registration.client_id:
        raise ConfigurationError("this metadata is of another client", clause="RFC 7592 2.2")
    check_request(asked, profile)
    body, media_type = yield from request_body(asked, signed, profile=profile, issuer=None)
    response = yield from _call(registration, "PUT", body, media_type)
    return _read(registration, response, asked)


def delete_registration(registration: Registration) -> Flow[None]:
    """Give the registration up: its client id, tokens and grants end. Raises as `read_registration` does."""
    response = yield from _call(registration, "DELETE")
    if not response.success:
        raise read_refusal(response, clause="RFC 7592 2.3")


def _call(
    registration: Registration, method: str, body: bytes = b"", media_type: str = ""
) -> Flow[HttpResponse]:
    token, uri = registration.registration_access_token, registration.registration_client_uri
    if token is None or uri is None:
        raise ConfigurationError(
            "the server gave no address and token to manage this registration with", clause="RFC 7592 3"
        )
    headers: Fields = (
        ("accept", "application/json"),
        ("authorization", Secret(f"Bearer {token.reveal()}")),
    )
    if body:
        headers = (*headers, ("content-type", media_type))
    return (yield from http(HttpRequest(method, uri, headers, body)))


def _read(before: Registration, response: HttpResponse, asked: Mapping[str, Any]) -> Registration:
    try:
        found = read_registration_answer(response, asked, status=200, clause="RFC 7592 3")
    except RegistrationError as error:
        kept = Registration.kept_in(error)
        if kept is not None and kept.client_id in ("", before.client_id):
            error.outcome = replace(kept, client_id=before.client_id).over(before)
        raise
    if found.client_id != before.client_id:
        raise RegistrationError(
            "the answer is about another client",
            clause="RFC 7592 3",
            facts={"expected": before.client_id, "got": found.client_id[:200]},
        )
    return found.over(before)
