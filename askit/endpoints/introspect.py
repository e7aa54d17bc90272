"""Introspection: an API asks about a token that was issued for it. About any other token it learns nothing.

Spec: RFC 7662 2.1, 2.2, 2.3; RFC 9701 3, 4, 5a, 5b, 5c, 5d; FAPI2-MS 5.5.1-1, 6.2; RFC 9396 9.2; RFC 9449 6
Role: AS
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient, InvalidRequest, UnauthorizedClient
from askit.issuing.encryption import encrypted_for
from askit.issuing.tokens import find_access_token, token_claims
from askit.messages import json_answer, read_form
from askit.users import grants as user_grants
from askit.wire_errors import error_answer, log_refusal
from fapikit.errors import FapiError
from fapikit.jose.purposes import INTROSPECTION_RESPONSE

SIGNED = "application/token-introspection+jwt"


async def introspect(core: Core, request: Request) -> Response:
    """200, as JSON or signed. Raises FapiError."""
    signed = SIGNED in request.headers.get("accept", "")
    parameters = await read_form(request, core.config.limits)
    try:
        caller = await authenticate_client(core, request, parameters)
    except FapiError as error:
        if not signed or error.code != "invalid_client":
            raise
        log_refusal(error, "introspection", core.log)
        return error_answer(error, status=400)  # RFC 9701 5d
    if caller.auth_method == "none":
        raise InvalidClient("introspection is only for APIs that authenticate", clause="RFC 7662 2.1")
    if not any(caller.client_id in resource.introspection_clients for resource in core.config.resources):
        # FAPI2-MS 6.2: an ordinary client must not act as an API.
        raise UnauthorizedClient("this client is in no introspection_clients", clause="FAPI2-MS 6.2")
    token = parameters.get("token")
    if token is None:
        raise InvalidRequest("token is missing", clause="RFC 7662 2.1")
    if not signed:
        _require_plain_answer(core, caller)
    members = core.introspection_body(await describe_token(core, token, caller))
    return await _signed(core, members, caller) if signed else json_answer(members)


def _require_plain_answer(core: Core, caller: Client) -> None:
    """Raise InvalidRequest if the answer must be signed or encrypted, but the request accepts only JSON."""
    profile = core.profile_of(caller)
    if profile.signed_introspection_required:
        raise InvalidRequest(
            f"introspection answers are signed here: send Accept: {SIGNED}",
            clause=profile.clause("signed_introspection_required"),
        )
    if caller.alg("introspection_encrypted_response_alg") is not None:
        raise InvalidRequest(
            f"this API registered encrypted answers: send Accept: {SIGNED}", clause="RFC 9701 4a"
        )


async def describe_token(core: Core, token: str, caller: Client) -> dict[str, Any]:
    """The token as this caller may see it; `{"active": false}` and nothing else if it is for another API."""
    record = await find_access_token(core, token)
    if record is None:
        return {"active": False}
    resource = core.config.resource(record.audience)
    if resource is None or caller.client_id not in resource.introspection_clients:
        return {"active": False}
    client = await core.clients.find(record.client_id)
    if client is None:
        return {"active": False}
    if record.grant_id is not None:
        await user_grants.note_use(core, record.grant_id)
    token_type = "DPoP" if record.jkt else "Bearer"
    return {"active": True, "token_type": token_type, **token_claims(core, record, resource, client)}


async def _signed(core: Core, members: dict[str, Any], caller: Client) -> Response:
    claims = {
        "iss": core.config.issuer,
        "aud": caller.client_id,
        "iat": int(core.clock()),
        "token_introspection": members,
    }
    jwt = await core.sign(claims, INTROSPECTION_RESPONSE, caller.alg("introspection_signed_response_alg"))
    jwt = await encrypted_for(core, caller, jwt, "introspection")
    return Response(jwt, headers={"cache-control": "no-store"}, media_type=SIGNED)
