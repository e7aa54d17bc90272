"""The token endpoint: who asks, with which key, under which grant.

Spec: RFC 6749 3.2, 5; RFC 9449 5, 8; FAPI2-SP 5.3.2.1-2, 5.3.2.1-4, 5.3.2.1-6, 5.3.2.1-10
Role: AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check import authenticate_client
from askit.clients import Client
from askit.dpop import has_proof, read_proof
from askit.errors import ForbiddenGrantType, InvalidRequest, UnauthorizedClient, UnsupportedGrantType
from askit.grants import NEVER, TokenRequest, grants
from askit.messages import json_answer, read_form

if TYPE_CHECKING:
    from askit.server import AuthorizationServer


async def token(server: AuthorizationServer, request: Request) -> Response:
    """200 with tokens. Raises FapiError."""
    parameters = await read_form(request)
    grant_type = parameters.get("grant_type")
    if grant_type is not None and grant_type in NEVER:
        clause, why = NEVER[grant_type]
        raise ForbiddenGrantType(why, clause=clause)
    client = await authenticate_client(server, request, parameters)
    if grant_type is None:
        raise InvalidRequest("grant_type is missing", clause="RFC 6749 4.1.3")
    redeem = grants().get(grant_type)
    if redeem is None:
        raise UnsupportedGrantType("this grant type is not known here")
    if grant_type not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for this grant type")
    jkt = await _key_of(server, request, client)
    body = await redeem(server, TokenRequest(client, parameters, jkt))
    return json_answer(server.token_body(body), 200, await server.nonce_header())


async def _key_of(server: AuthorizationServer, request: Request, client: Client) -> str | None:
    """The thumbprint to bind to: demanded where profile or client say so, taken where it is offered."""
    required = server.profile.sender_constraint_required or client.flag("dpop_bound_access_tokens")
    if not required and not has_proof(request):
        return None
    return (await read_proof(server, request)).jkt
