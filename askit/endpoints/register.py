"""Dynamic client registration, for clients with the initial access token.

Spec: RFC 7591 2, 3, 3.1.1, 3.2; RFC 7592 3; OIDC Registration 3; FAPI2-SP 5.3.2.1-3, 6.7
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.client import REGISTERED_FROM, SECRET_METHODS, STATEMENT_ISSUER
from askit.clients.registration_request import read_registration_request
from askit.clients.sector_identifier import require_listed
from askit.core import SIGNED_FOR_CLIENTS, Core
from askit.errors import InvalidClientMetadata, InvalidToken
from askit.messages import json_answer, read_body
from askit.records import digest
from askit.requests.client_address import client_address
from askit.requests.software_statement import Vouched, read_software_statement
from fapikit import strict_json
from fapikit.secrets import random_token

_SECRET_OCTETS: Final = 48
"""64 characters, as many as HS512 asks for."""
_OURS: Final = frozenset(
    {
        "client_id",
        "client_id_issued_at",
        "client_secret",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
        REGISTERED_FROM,
        STATEMENT_ISSUER,
    }
)
_NOT_TOLD: Final = frozenset({REGISTERED_FROM, STATEMENT_ISSUER})


async def register(core: Core, request: Request) -> Response:
    """201 with the metadata as registered. This server chooses the client id, never the client.

    Raises FapiError.
    """
    opener = core.config.initial_access_token
    if opener is None or not opener.matches(read_bearer(request)):
        raise InvalidToken("registration needs the initial access token", clause="RFC 7591 3")
    address = await core.keys.pseudonym(client_address(request, core.config.trusted_proxies))
    identity = {
        "client_id": random_token(core.random_bytes, 16),
        "client_id_issued_at": int(core.clock()),
        REGISTERED_FROM: address,
    }
    asked = await read_metadata(request)
    vouched = await read_software_statement(core, asked, address)
    metadata = complete(core, asked, identity, vouched)
    await require_own_sector(core, metadata)
    token = random_token(core.random_bytes)
    await core.registrations.keep(metadata, digest(token))
    await core.shown_certificates.learn(core.clients.read(metadata))
    return information(core, metadata, token, 201)


def read_bearer(request: Request) -> str:
    """The bearer token of this request; empty if it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def read_metadata(request: Request) -> dict[str, Any]:
    """The body. Raises InvalidClientMetadata."""
    return read_registration_request(await read_body(request), request.headers.get("content-type"))


def complete(
    core: Core, asked: Mapping[str, Any], identity: Mapping[str, Any], vouched: Vouched
) -> dict[str, Any]:
    """The requested metadata within the policy, with defaults that the profile allows, checked.

    `identity`: client_id, and client_secret if there is one. `vouched`: wins over what is requested.
    Raises InvalidClientMetadata, InvalidRedirectUri.
    """
    policy = core.config.registration
    metadata = {name: value for name, value in vouched.over(asked).items() if name not in _OURS}
    if vouched.issuer:
        metadata[STATEMENT_ISSUER] = vouched.issuer
    allowed = core.profile.client_authentication_methods
    default = "client_secret_basic" if "client_secret_basic" in allowed else "private_key_jwt"
    metadata.setdefault("token_endpoint_auth_method", default)
    metadata.setdefault("response_types", ["code"])
    metadata.setdefault("grant_types", ["authorization_code"])
    metadata.setdefault("id_token_signed_response_alg", core.config.signing_alg)
    for name in ("client_id", "client_id_issued_at", REGISTERED_FROM):
        metadata[name] = identity.get(name, "")
    method = metadata["token_endpoint_auth_method"]
    if isinstance(method, str) and method in SECRET_METHODS:
        metadata["client_secret"] = identity.get("client_secret") or random_token(
            core.random_bytes, _SECRET_OCTETS
        )
        metadata["client_secret_expires_at"] = (
            0 if policy.lifetime is None else int(core.clock() + policy.lifetime)
        )
    bounded = policy.bound(metadata)
    policy.require_something_left(metadata, bounded)
    client = core.clients.read(bounded)
    if client.auth_method not in core.client_authentication_methods:
        raise InvalidClientMetadata(f"{client.auth_method} is not available on this server")
    for name in SIGNED_FOR_CLIENTS:
        alg = client.alg(name)
        if alg is not None and alg not in core.signing_algorithms:
            raise InvalidClientMetadata(
                f"{name}: this server has no key for {alg}: use {' or '.join(sorted(core.signing_algorithms))}"
            )
    limit = core.config.limits.registration_octets
    if len(strict_json.dump(bounded)) > limit:
        raise InvalidClientMetadata(f"the metadata is longer than {limit} octets")
    return bounded


async def require_own_sector(core: Core, metadata: Mapping[str, Any]) -> None:
    """Read the list behind `sector_identifier_uri`, if there is one. Raises InvalidClientMetadata, TransportError."""
    address = metadata[REGISTERED_FROM]
    await core.run(core.waiting_for_keys.wait(f"sector identifiers {address}", require_listed(metadata)))


def information(core: Core, metadata: Mapping[str, Any], token: str, status: int = 200) -> Response:
    """The client as registered, with the URL and token of its registration (RFC 7592 3)."""
    members = {
        **{name: value for name, value in metadata.items() if name not in _NOT_TOLD},
        "registration_access_token": token,
        "registration_client_uri": core.endpoint(f"register/{metadata['client_id']}"),
    }
    return json_answer(members, status)
