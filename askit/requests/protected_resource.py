"""A request with an access token for an endpoint of this server itself: UserInfo, grant management.

The token is under its own scheme, and proven with its key or its certificate.

Spec: RFC 6750 2, 3.1; RFC 9449 7, 7.2a, 9; RFC 8705 3b
Role: AS, RS
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.client import Client
from askit.config.error_styles import ErrorStyle, oauth
from askit.core import Core
from askit.errors import InvalidRequest, InvalidToken
from askit.issuing.tokens import find_access_token
from askit.records import AccessToken
from askit.requests.client_certificate import client_certificate
from askit.requests.dpop import read_proof, use_proof
from askit.requests.known_client import known_client, note_client
from askit.wire_errors import challenge_answer, log_refusal
from fapikit.certificates import ClientCertificate
from fapikit.errors import FapiError


class Caller(NamedTuple):
    """A valid access token that was proven, and the client that it was issued to."""

    token: AccessToken
    client: Client


async def answer_with_token(
    core: Core,
    request: Request,
    where: str,
    answer: Callable[[Caller], Awaitable[Response]],
    *,
    errors: ErrorStyle = oauth,
) -> Response:
    """What `answer` makes of the request; a challenge if there is no token, or it is refused.

    `where`: for the log. `errors`: how the body of a refusal is written.
    """
    sent = request.headers.getlist("authorization")
    if not sent:
        return _unchallenged(core)
    scheme, _, token = sent[0].partition(" ")
    bound = scheme.lower() == "dpop"
    try:
        if len(sent) > 1:
            raise InvalidRequest("a request must have one Authorization header", clause="RFC 6750 2")
        return await answer(await _read_caller(core, request, token.strip(), bound=bound))
    except FapiError as error:
        log_refusal(error, where, core.log, known_client(request))
        scheme = "DPoP" if bound and "dpop" in core.bindings else "Bearer"
        return challenge_answer(
            error, scheme=scheme, algorithms=core.profile.signing_algorithms, errors=errors
        )


def _unchallenged(core: Core) -> Response:
    """The answer to a request without a token: the accepted schemes, and no error (RFC 6750 3.1)."""
    algorithms = " ".join(sorted(core.profile.signing_algorithms))
    schemes = [f'DPoP algs="{algorithms}"'] if "dpop" in core.bindings else []
    if "mtls" in core.bindings or not core.profile.sender_constraint_required:
        schemes.append("Bearer")  # a token that is bound to a certificate alone comes under it
    headers = {"www-authenticate": ", ".join(schemes), "cache-control": "no-store"}
    return Response(status_code=401, headers=headers)


async def _read_caller(core: Core, request: Request, token: str, *, bound: bool) -> Caller:
    record = await find_access_token(core, token)
    if record is None:
        raise InvalidToken("this access token is unknown, expired or revoked")
    if bound != (record.jkt is not None):
        raise InvalidToken(
            "send a DPoP-bound token under the scheme DPoP, any other token under Bearer",
            clause="RFC 9449 7.2a",
        )
    client = await core.clients.find(record.client_id)
    if client is None:
        raise InvalidToken("the client of this access token no longer exists")
    note_client(request, client.client_id, proven=False)
    core.shares.require(client.owners)
    if record.x5t is not None:
        _require_certificate(client_certificate(core, request), record.x5t)
    if bound:
        proof = await read_proof(core, request, access_token=token, bound_to=record.jkt)
        await use_proof(core, proof, client)
    note_client(request, client.client_id, proven=True)
    return Caller(record, client)


def _require_certificate(certificate: ClientCertificate | None, x5t: str) -> None:
    if certificate is None or not hmac.compare_digest(certificate.thumbprint.encode(), x5t.encode()):
        raise InvalidToken(
            "this token is bound to a certificate: connect with the one that it was issued to",
            clause="RFC 8705 3b",
        )
