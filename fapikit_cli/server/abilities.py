"""What a server can do, by its metadata, in words.

Spec: RFC 8414 2; RFC 9126 5; RFC 9207 3; RFC 9449 5.1; RFC 8705 3.3; JARM 4; CIBA 4a
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fapikit.metadata import ServerMetadata

_ENDPOINTS: Final = {
    "sign in a user in the browser": "authorization_endpoint",
    "sign in on a device without a browser": "device_authorization_endpoint",
    "ask a user on the phone (CIBA)": "backchannel_authentication_endpoint",
    "tell who the user is": "userinfo_endpoint",
    "tell an API about a token": "introspection_endpoint",
    "revoke a token": "revocation_endpoint",
    "register a client": "registration_endpoint",
    "sign a user out": "end_session_endpoint",
    "manage what a user granted": "grant_management_endpoint",
}
_LISTS: Final = {
    "client authentication": "token_endpoint_auth_methods_supported",
    "grants": "grant_types_supported",
    "PKCE": "code_challenge_methods_supported",
    "response types": "response_types_supported",
    "response modes": "response_modes_supported",
    "signed requests (JAR)": "request_object_signing_alg_values_supported",
    "signed responses (JARM)": "authorization_signing_alg_values_supported",
    "signed ID tokens": "id_token_signing_alg_values_supported",
    "signed introspection": "introspection_signing_alg_values_supported",
    "delivery of CIBA": "backchannel_token_delivery_modes_supported",
    "authorization details (RAR)": "authorization_details_types_supported",
    "levels of sign-in (acr)": "acr_values_supported",
    "scopes": "scopes_supported",
}


def abilities(metadata: ServerMetadata) -> Iterator[tuple[str, str]]:
    """What it is, and what the metadata say about it."""
    for what, name in _ENDPOINTS.items():
        yield what, str(metadata.raw.get(name, "no"))
    pushed = str(metadata.raw.get("pushed_authorization_request_endpoint", "no"))
    required = metadata.raw.get("require_pushed_authorization_requests") is True
    yield "take a request beforehand (PAR)", pushed + (", and takes no other" if required else "")
    yield "bind tokens to a key (DPoP)", _words(metadata, "dpop_signing_alg_values_supported")
    bound = metadata.raw.get("tls_client_certificate_bound_access_tokens") is True
    yield "bind tokens to a certificate (mTLS)", "yes" if bound else "no"
    named = metadata.raw.get("authorization_response_iss_parameter_supported") is True
    yield "name itself in responses (iss)", "yes" if named else "no"
    for what, name in _LISTS.items():
        yield what, _words(metadata, name)


def _words(metadata: ServerMetadata, name: str) -> str:
    return ", ".join(metadata.strings(name) or ()) or "not listed"
