"""The token endpoint: authenticates the client, checks its DPoP proof or certificate, and redeems the grant.

Spec: RFC 6749 3.2, 5; RFC 9449 5, 8; RFC 8705 3; FAPI2-SP 5.3.2.1-2, 5.3.2.1-4, 5.3.2.1-6, 5.3.2.1-10
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.core import Core
from askit.errors import ForbiddenGrantType, InvalidRequest, UnauthorizedClient, UnsupportedGrantType
from askit.grants.by_type import GRANTS, NEVER
from askit.grants.token_request import TokenRequest
from askit.issuing.confirmation import confirmation_of
from askit.messages import json_answer, read_form
from askit.requests.client_certificate import client_certificate
from askit.requests.dpop import has_proof, read_proof


async def token(core: Core, request: Request) -> Response:
    """200 with tokens. Raises FapiError."""
    parameters = await read_form(request, core.config.limits)
    grant_type = parameters.get("grant_type")
    if grant_type is not None and grant_type in NEVER:
        clause, why = NEVER[grant_type]
        raise ForbiddenGrantType(why, clause=clause)
    proof = await read_proof(core, request) if has_proof(request) else None
    client = await authenticate_client(core, request, parameters)
    if grant_type is None:
        raise InvalidRequest("grant_type is missing", clause="RFC 6749 4.1.3")
    redeem = GRANTS.get(grant_type)
    if redeem is None:
        raise UnsupportedGrantType(
            f"this server has no such grant_type: use one of {', '.join(sorted(GRANTS))}"
        )
    if grant_type not in client.grant_types:
        raise UnauthorizedClient(f"this client is not registered for {grant_type}: add it to its grant_types")
    bound_to = confirmation_of(core, client, proof, client_certificate(core, request))
    body = await redeem(core, TokenRequest(client, parameters, proof, bound_to))
    return json_answer(core.token_body(body), 200, await core.nonce_header())
