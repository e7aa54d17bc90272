"""The registration of a client at a server: the request is checked against the profile, and may be signed.

Spec: RFC 7591 2, 2.3, 3.1, 3.2.1, 3.2.2; FAPI2-SP 5.3.3.1-2, 5.4.1-1.2; JARM 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fapikit.clauses import citing
from fapikit.errors import ConfigurationError, Remedy, UnusableKey
from fapikit.flow import Flow, http
from fapikit.http_message import Fields, HttpRequest, read_refusal
from fapikit.jose.encryption_agreement import read_agreements
from fapikit.jose.public_key import import_public_jwk
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import Profile
from fapikit.secrets import Secret, revealed
from fapikit.urls import is_secure
from rpkit.registration.answer import RESPONSE_ALGS, Registration, read_registration_answer
from rpkit.registration.backchannel import check_backchannel_metadata
from rpkit.registration.certificates import check_certificate_metadata
from rpkit.registration.redirect_uris import require_redirect_uri
from rpkit.registration.signed_request import SignedRequest, request_body
from rpkit.registration.software_statement import effective_metadata


def register(
    server: ServerMetadata,
    client_metadata: Mapping[str, Any],
    *,
    profile: Profile,
    initial_access_token: Secret | str | None = None,
    signed: SignedRequest | None = None,
    mtls: bool = False,
) -> Flow[Registration]:
    """Register a client (RFC 7591). A `software_statement` in `client_metadata` wins over its other members.

    `mtls`: at the mTLS alias of the endpoint, if the server lists one.

    Raises ForbiddenByProfile, ConfigurationError before the call; then PeerRefused, RegistrationError, TransportError.
    If the response is refused, `Registration.kept_in(error)` is the registration that the server has made.
    """
    check_request(client_metadata, profile)
    token = None if initial_access_token is None else Secret(revealed(initial_access_token))
    del initial_access_token
    body, media_type = yield from request_body(client_metadata, signed, profile=profile, issuer=server.issuer)
    headers: Fields = (("content-type", media_type), ("accept", "application/json"))
    if token is not None:
        headers = (*headers, ("authorization", Secret(f"Bearer {token.reveal()}")))
    endpoint = server.endpoint("registration_endpoint", mtls=mtls)
    response = yield from http(HttpRequest("POST", endpoint, headers, body))
    if response.status == 401:  # the initial access token is wrong or missing: a fault of the configuration
        raise read_refusal(response, clause="RFC 7591 3", remedy=Remedy.FIX_CONFIGURATION)
    return read_registration_answer(response, client_metadata, status=201, clause="RFC 7591 3.2.1")


def register_at(
    server: str | ServerMetadata,
    client_metadata: Mapping[str, Any],
    *,
    profile: Profile,
    initial_access_token: Secret | str | None = None,
    signed: SignedRequest | None = None,
    mtls: bool = False,
) -> Flow[Registration]:
    """Register at a server. `server` is its issuer, which is discovered, or its metadata."""
    token = None if initial_access_token is None else Secret(revealed(initial_access_token))
    del initial_access_token
    found = server if isinstance(server, ServerMetadata) else (yield from discover(server))
    return (
        yield from register(
            found, client_metadata, profile=profile, initial_access_token=token, signed=signed, mtls=mtls
        )
    )


def check_request(asked: Mapping[str, Any], profile: Profile) -> None:
    """Check client metadata against the profile, with what a software statement says in its place.

    Raises ForbiddenByProfile, ConfigurationError.
    """
    with citing(profile):
        _check_request(effective_metadata(asked), profile)


def _check_request(asked: Mapping[str, Any], profile: Profile) -> None:
    method = asked.get("token_endpoint_auth_method", "client_secret_basic")
    profile.require(
        method in profile.client_authentication_methods,
        f"token_endpoint_auth_method {method} is not allowed;"
        f" use one of {', '.join(sorted(profile.client_authentication_methods))}",
        "client_authentication_methods",
    )
    for name in ("request_object_signing_alg", *RESPONSE_ALGS):
        if name in asked:
            profile.require_algorithm(asked[name], name)
    # The default of an algorithm that is left out is RS256 (RFC 7591 2, JARM 3).
    if "RS256" not in profile.signing_algorithms:
        for name in ("id_token_signed_response_alg", *_jarm(profile)):
            if name not in asked:
                raise ConfigurationError(
                    f"{name} is left out, which means RS256, and {profile.name} does not allow RS256: set it to one of"
                    f" {', '.join(sorted(profile.signing_algorithms))}",
                    clause=profile.clause("signing_algorithms"),
                    facts={"member": name},
                )
    read_agreements(asked, ConfigurationError)
    _check_uris(asked, profile)
    if "jwks" in asked and "jwks_uri" in asked:
        raise ConfigurationError("jwks and jwks_uri are both given: give one of them", clause="RFC 7591 2")
    for jwk in asked.get("jwks", {}).get("keys", ()):
        _require_public(jwk)
    check_certificate_metadata(method, asked)
    check_backchannel_metadata(asked, profile)


def _check_uris(asked: Mapping[str, Any], profile: Profile) -> None:
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        for uri in asked.get(name, ()):
            require_redirect_uri(uri, profile, name)
    for uri in asked.get("request_uris", ()):
        if not is_secure(uri):
            raise ConfigurationError(
                "request_uris are https URLs", clause="RFC 9101 5.2", facts={"got": str(uri)[:200]}
            )


def _jarm(profile: Profile) -> tuple[str, ...]:
    return ("authorization_signed_response_alg",) if profile.jarm_required else ()


def _require_public(jwk: Mapping[str, Any]) -> None:
    try:
        import_public_jwk(jwk)
    except UnusableKey as error:
        raise ConfigurationError(
            f"a key of jwks cannot be registered: {error.message}", clause=error.clause
        ) from error
