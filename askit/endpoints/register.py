"""Dynamic client registration, for the holder of the initial access token.

Spec: RFC 7591 2, 3, 3.2; OIDC Registration 3; FAPI2-SP 5.3.2.1-3, 6.7
Role: AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check import METHODS
from askit.clients import SECRET_METHODS
from askit.errors import InvalidClientMetadata, InvalidToken
from askit.keys import KEPT_FOR
from askit.messages import json_answer, read_body
from fapikit import strict_json
from fapikit.secrets import random_token

if TYPE_CHECKING:
    from askit.server import AuthorizationServer


async def register(server: AuthorizationServer, request: Request) -> Response:
    """201 with the metadata as registered. The client id is this server's, never the client's choice."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    opener = server.config.initial_access_token
    if opener is None or scheme.lower() != "bearer" or not opener.matches(token.strip()):
        raise InvalidToken("registration needs the initial access token", clause="RFC 7591 3")
    try:
        asked = strict_json.parse_object(await read_body(request))
    except ValueError as error:
        raise InvalidClientMetadata("the body is not one JSON object") from error
    metadata = _complete(server, asked)
    client = server.clients.read(metadata)
    if client.auth_method not in METHODS:
        raise InvalidClientMetadata(f"{client.auth_method} is not available here")
    await server.clients.register(metadata, KEPT_FOR)
    return json_answer(metadata, 201)


def _complete(server: AuthorizationServer, asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, with defaults this profile can live with and this server's identifiers."""
    metadata = {name: value for name, value in asked.items() if name not in ("client_id", "client_secret")}
    allowed = server.profile.client_authentication_methods
    default = "client_secret_basic" if "client_secret_basic" in allowed else "private_key_jwt"
    metadata.setdefault("token_endpoint_auth_method", default)
    metadata.setdefault("response_types", ["code"])
    metadata.setdefault("grant_types", ["authorization_code"])
    metadata.setdefault("id_token_signed_response_alg", server.config.signing_alg)
    metadata["client_id"] = random_token(server.random_bytes, 16)
    metadata["client_id_issued_at"] = int(server.clock())
    method = metadata["token_endpoint_auth_method"]
    if isinstance(method, str) and method in SECRET_METHODS:
        metadata["client_secret"] = random_token(server.random_bytes)
        metadata["client_secret_expires_at"] = 0
    return metadata
