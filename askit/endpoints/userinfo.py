"""UserInfo: the claims that the user agreed to, for a client that has the token and its key.

Spec: OIDC 5.3; RFC 9449 7, 7.2a, 9; RFC 8705 3b; RFC 6750 2, 3; FAPI2-SP 5.3.4-1, 5.3.4-2
Role: AS, RS
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.errors import InsufficientScope, InvalidRequest, InvalidToken
from askit.issuing.encryption import encrypted_for
from askit.issuing.id_token import userinfo_claims
from askit.issuing.tokens import find_access_token
from askit.messages import json_answer
from askit.records import Grant
from askit.requests.client_certificate import client_certificate
from askit.requests.dpop import read_proof, use_proof
from askit.wire_errors import challenge_answer, log_refusal
from fapikit.certificates import ClientCertificate
from fapikit.errors import FapiError
from fapikit.jose.purposes import USERINFO_RESPONSE


async def userinfo(core: Core, request: Request) -> Response:
    """200, as JSON or as the signed JWT that the client registered for."""
    sent = request.headers.getlist("authorization")
    if not sent:
        return unchallenged(core)
    scheme, _, token = sent[0].partition(" ")
    bound = scheme.lower() == "dpop"
    try:
        if len(sent) > 1:
            raise InvalidRequest("a request must have one Authorization header", clause="RFC 6750 2")
        return await _answer(core, request, token.strip(), bound=bound)
    except FapiError as error:
        log_refusal(error, "userinfo", core.log)
        return challenge_answer(
            error, scheme="DPoP" if bound else "Bearer", algorithms=core.profile.signing_algorithms
        )


def unchallenged(core: Core) -> Response:
    """The answer to a request without a token: the accepted schemes, and no error (RFC 6750 3.1)."""
    algorithms = " ".join(sorted(core.profile.signing_algorithms))
    schemes = [f'DPoP algs="{algorithms}"'] if "dpop" in core.bindings else []
    if "mtls" in core.bindings or not core.profile.sender_constraint_required:
        schemes.append("Bearer")  # a token that is bound to a certificate alone comes under it
    headers = {"www-authenticate": ", ".join(schemes), "cache-control": "no-store"}
    return Response(status_code=401, headers=headers)


async def _answer(core: Core, request: Request, token: str, *, bound: bool) -> Response:
    record = await find_access_token(core, token)
    if record is None or record.grant_id is None:
        raise InvalidToken("this access token is unknown, expired or revoked")
    if bound != (record.jkt is not None):
        raise InvalidToken(
            "send a DPoP-bound token under the scheme DPoP, any other token under Bearer",
            clause="RFC 9449 7.2a",
        )
    client = await core.clients.find(record.client_id)
    if client is None:
        raise InvalidToken("the client of this access token no longer exists")
    core.shares.require(client.owners)
    if record.x5t is not None:
        _require_certificate(client_certificate(core, request), record.x5t)
    if bound:
        proof = await read_proof(core, request, access_token=token, bound_to=record.jkt)
        await use_proof(core, proof, client)
    grant = await core.records.load("grant", record.grant_id, Grant)
    if grant is None:
        raise InvalidToken("this access token is revoked")
    if "openid" not in record.scopes:
        raise InsufficientScope("UserInfo needs the scope openid", clause="OIDC 5.3.1")
    claims = core.userinfo_body(userinfo_claims(core, grant, record.scopes))
    headers = await core.nonce_header()
    alg = client.alg("userinfo_signed_response_alg")
    if alg is None:
        return json_answer(claims, 200, headers)
    signed = {**claims, "iss": core.config.issuer, "aud": record.client_id}
    jwt = await core.sign(signed, USERINFO_RESPONSE, alg)
    jwt = await encrypted_for(core, client, jwt, "userinfo")
    return Response(jwt, headers={**headers, "cache-control": "no-store"}, media_type="application/jwt")


def _require_certificate(certificate: ClientCertificate | None, x5t: str) -> None:
    if certificate is None or not hmac.compare_digest(certificate.thumbprint.encode(), x5t.encode()):
        raise InvalidToken(
            "this token is bound to a certificate: connect with the one that it was issued to",
            clause="RFC 8705 3b",
        )
