"""Read, update and delete a registration with its registration access token.

Each call may bring a new token and a new URL. Keep the `Registration` that it returns.

Spec: RFC 7592 1.3, 2, 2.1, 2.2, 2.3, 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow, http
from fapikit.http_message import Fields, HttpRequest, HttpResponse, raise_error_in_body, read_refusal
from fapikit.profiles import Profile
from fapikit.secrets import Secret
from rpkit.errors import RegistrationError
from rpkit.registration.answer import Registration, read_registration_answer
from rpkit.registration.registration import check_request
from rpkit.registration.signed_request import SignedRequest, request_body

_SERVER_ASSIGNED: Final = frozenset(
    [
        "client_id_issued_at",
        "client_secret",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
    ]
)
"""The members that an update leaves out (RFC 7592 2.2). So `registration.metadata`, with changes, can be sent."""


def read_registration(registration: Registration) -> Flow[Registration]:
    """Read the current registration.

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
    """Replace all registered metadata with these. The server removes what is left out.

    Raises ForbiddenByProfile, ConfigurationError before the call; then PeerRefused, RegistrationError, TransportError.
    If the response is refused, `Registration.kept_in(error)` is the registration that the server has now.
    """
    asked = {name: value for name, value in client_metadata.items() if name not in _SERVER_ASSIGNED}
    if asked.setdefault("client_id", registration.client_id) != registration.client_id:
        raise ConfigurationError(
            f"the metadata have another client_id than the registration, {registration.client_id}: correct it, or"
            " leave it out",
            clause="RFC 7592 2.2",
        )
    check_request(asked, profile)
    body, media_type = yield from request_body(asked, signed, profile=profile, issuer=None)
    response = yield from _call(registration, "PUT", body, media_type)
    return _read(registration, response, asked)


def delete_registration(registration: Registration) -> Flow[None]:
    """Delete the registration. Its client_id, tokens and grants end. Raises the errors of `read_registration`."""
    response = yield from _call(registration, "DELETE")
    if not response.success:
        raise read_refusal(response, clause="RFC 7592 2.3")
    raise_error_in_body(response, clause="RFC 7592 2.3")


def _call(
    registration: Registration, method: str, body: bytes = b"", media_type: str = ""
) -> Flow[HttpResponse]:
    token, uri = registration.registration_access_token, registration.registration_client_uri
    if token is None or uri is None:
        raise ConfigurationError(
            "this registration has no registration_client_uri or no registration_access_token: the server gave none,"
            " so change it at the server in another way",
            clause="RFC 7592 3",
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
        if kept is not None:
            own = kept.client_id in ("", before.client_id)
            error.outcome = replace(kept, client_id=before.client_id).over(before) if own else None
        raise
    if found.client_id != before.client_id:
        raise RegistrationError(
            "the client_id in the response is that of another client",
            clause="RFC 7592 3",
            facts={"expected": before.client_id, "got": found.client_id[:200]},
        )
    return found.over(before)
