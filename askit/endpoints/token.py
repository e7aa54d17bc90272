"""The token endpoint: who asks, with which key, under which grant.

Spec: RFC 6749 3.2, 5; RFC 9449 5, 8; FAPI2-SP 5.3.2.1-2, 5.3.2.1-4, 5.3.2.1-6, 5.3.2.1-10
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.clients.client import Client
from askit.core import Core
from askit.errors import ForbiddenGrantType, InvalidRequest, UnauthorizedClient, UnsupportedGrantType
from askit.grants.by_type import GRANTS, NEVER
from askit.grants.token_request import TokenRequest
from askit.messages import json_answer, read_form
from askit.requests.dpop import has_proof, read_proof
from fapikit.dpop import CheckedProof
from fapikit.errors import MissingProof


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
        raise UnsupportedGrantType("this grant type is not known here")
    if grant_type not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for this grant type")
    _require_binding(core, client, proof)
    body = await redeem(core, TokenRequest(client, parameters, proof))
    return json_answer(core.token_body(body), 200, await core.nonce_header())


def _require_binding(core: Core, client: Client, proof: CheckedProof | None) -> None:
    """A token without a key is issued only where profile and client both let it."""
    profile = core.profile_of(client)
    if proof is None and profile.sender_constraint_required:
        raise MissingProof(
            "access tokens are bound to a key: send a DPoP proof",
            clause=profile.clause("sender_constraint_required"),
        )
    if proof is None and client.flag("dpop_bound_access_tokens"):
        raise MissingProof(
            "this client asked for bound tokens only: send a DPoP proof", clause="RFC 9449 5.2"
        )
