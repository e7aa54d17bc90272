"""A client at the server: whether its credentials are taken, and whether its registration fits the profile.

Spec: RFC 7592 2.1; FAPI2-SP 5.3.2.1-6, 5.3.2.2-4, -8; RFC 9126 2.1; RFC 6749 5.2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fapikit.client_authentication.method import ClientAuthentication
from fapikit.clock import system_clock, system_random
from fapikit.errors import FapiError, TransportError
from fapikit.http_message import words_in
from fapikit.metadata import ServerMetadata
from fapikit.secrets import Concealed, Secret
from fapikit.urls import is_loopback_host, require_secure
from fapikit_cli.doctor.host import split_url
from fapikit_cli.doctor.row import Row, Rules
from fapikit_cli.server.caller import Caller

_NO_REFRESH_TOKEN: Final = "fapikit-doctor-looks-whether-the-client-may-sign-in"


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls. `registration_uri` and `registration_token` are those of RFC 7592."""

    client_id: str | None = None
    auth: ClientAuthentication | None = None
    registration_uri: str | None = None
    registration_token: Concealed[str] | None = None


def examine_client(client: Client, metadata: ServerMetadata, rules: Rules, caller: Caller) -> Iterator[Row]:
    """The rows about what is known of the client."""
    if client.client_id is not None and client.auth is not None:
        yield _signs_in(
            client.client_id, client.auth, metadata, Rules(client.client_id, rules.profile), caller
        )
    if client.registration_uri is not None and client.registration_token is not None:
        yield from _registered(client.registration_uri, client.registration_token, rules, caller)


def _signs_in(
    client_id: str, auth: ClientAuthentication, metadata: ServerMetadata, rules: Rules, caller: Caller
) -> Row:
    """With a request that can have no effect. A client that is not known is told that, and nothing else."""
    requirement = f"the client signs in by {auth.method}"
    try:
        auth.check(rules.profile)
        pushed = metadata.has("pushed_authorization_request_endpoint")
        name = "pushed_authorization_request_endpoint" if pushed else "token_endpoint"
        credentials = caller.run(
            auth.credentials(
                client_id=client_id, audience=metadata.issuer, clock=system_clock, random_bytes=system_random
            )
        )
        form: tuple[tuple[str, Any], ...] = tuple(credentials.parameters)
        if not pushed:
            form += (("grant_type", "refresh_token"), ("refresh_token", Secret(_NO_REFRESH_TOKEN)))
        url = metadata.endpoint(name, mtls=auth.mtls)
        response = caller.post(url, form, credentials.headers).response
    except FapiError as error:
        undecided = isinstance(error, TransportError)
        return rules.failed("client.signs-in", error, requirement, undecided=undecided)
    words = words_in(response)
    decided = response.success or (
        400 <= response.status < 500 and response.status != 429 and words.code is not None
    )
    return rules.row(
        "client.signs-in",
        words.code != "invalid_client" if decided else None,
        "FAPI2-SP 5.3.2.1-6",
        requirement,
        f"status {response.status} {words}".strip(),
        "check the client_id, and that the server has registered this method and this key",
    )


def _registered(uri: str, token: Concealed[str], rules: Rules, caller: Caller) -> Iterator[Row]:
    rules = Rules(uri, rules.profile)
    try:
        require_secure(uri, "the registration_client_uri")
        answer = caller.get(
            uri,
            (("accept", "application/json"), ("authorization", Secret(f"Bearer {token.reveal()}"))),
        )
        members = answer.json("RFC 7592 2.1")
    except FapiError as error:
        yield rules.failed(
            "registration.readable",
            error,
            "the registration can be read",
            undecided=isinstance(error, TransportError),
        )
        return
    yield rules.row(
        "registration.readable",
        isinstance(members.get("client_id"), str),
        "RFC 7592 2.1",
        "the registration can be read",
        f"client_id {members.get('client_id')}",
        "the answer has no client_id: tell the operator of the server",
    )
    yield from _fits(members, rules)


def _fits(members: Any, rules: Rules) -> Iterator[Row]:
    profile = rules.profile
    method = members.get("token_endpoint_auth_method", "client_secret_basic")
    yield rules.row(
        "registration.auth-method",
        isinstance(method, str) and method in profile.client_authentication_methods,
        profile.clause("client_authentication_methods"),
        "the client authenticates as the profile wants",
        method,
        f"register one of {', '.join(sorted(profile.client_authentication_methods))}",
    )
    listed = members.get("redirect_uris")
    uris = [str(uri) for uri in listed] if isinstance(listed, list) else []
    wrong = [uri for uri in uris if not _is_private(uri)]
    yield rules.row(
        "registration.redirect-uris",
        not wrong or not profile.redirect_uri_https,
        "FAPI2-SP 5.3.2.2-8",
        "no authorization response is sent in clear",
        ", ".join(wrong or uris) or "no redirect URIs",
        "register https redirect URIs, or loopback ones for a program on the user's machine",
    )
    jwks = members.get("jwks")
    given = jwks.get("keys") if isinstance(jwks, dict) else None
    keys = given if isinstance(given, list) else []
    if method == "private_key_jwt":
        yield rules.row(
            "registration.keys",
            bool(keys) or "jwks_uri" in members,
            "RFC 7591 2",
            "its public keys are registered",
            members.get("jwks_uri") or f"{len(keys)} keys in jwks",
            "register jwks_uri or jwks",
        )


def _is_private(uri: str) -> bool:
    """Whether nobody on the way reads what is sent there."""
    parts = split_url(uri)
    return parts is not None and (parts.scheme != "http" or is_loopback_host(parts.hostname))
