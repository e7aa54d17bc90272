"""UserInfo: the claims that the user agreed to, for a client that has the token and its key.

Spec: OIDC 5.3; RFC 9449 7; RFC 6750 2, 3; FAPI2-SP 5.3.4-1, 5.3.4-2
Role: AS, RS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.errors import InsufficientScope, InvalidToken
from askit.issuing.encryption import encrypted_for
from askit.issuing.id_token import userinfo_claims
from askit.messages import json_answer
from askit.records import Grant
from askit.requests.protected_resource import Caller, answer_with_token
from fapikit.jose.purposes import USERINFO_RESPONSE


async def userinfo(core: Core, request: Request) -> Response:
    """200, as JSON or as the signed JWT that the client registered for."""

    async def answer(caller: Caller) -> Response:
        return await _answer(core, caller)

    return await answer_with_token(core, request, "userinfo", answer)


async def _answer(core: Core, caller: Caller) -> Response:
    record, client = caller
    grant = None if record.grant_id is None else await core.records.load("grant", record.grant_id, Grant)
    if grant is None:
        raise InvalidToken("this access token is of no user, or it is revoked")
    if "openid" not in record.scopes:
        raise InsufficientScope("UserInfo needs the scope openid", clause="OIDC 5.3.1")
    claims = core.userinfo_body(userinfo_claims(core, client, grant, record.scopes))
    headers = await core.nonce_header()
    alg = client.alg("userinfo_signed_response_alg")
    if alg is None:
        return json_answer(claims, 200, headers)
    signed = {**claims, "iss": core.config.issuer, "aud": record.client_id}
    jwt = await core.sign(signed, USERINFO_RESPONSE, alg)
    jwt = await encrypted_for(core, client, jwt, "userinfo")
    return Response(jwt, headers={**headers, "cache-control": "no-store"}, media_type="application/jwt")
