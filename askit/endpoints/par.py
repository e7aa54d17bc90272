"""Pushed authorization requests: the whole request, from an authenticated client, before the browser moves.

Spec: RFC 9126 2a, 2.1-1, 2.1-3, 2.2; RFC 9449 10.1; FAPI2-SP 5.3.2.2-2, 5.3.2.2-4, 5.3.2.2-12; RFC 9101 10.2-d
Role: AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check import authenticate_client
from askit.messages import json_answer, read_form
from askit.records import PushedRequest
from askit.requests.authorization_request import INTERACTION, read_authorization_request
from askit.requests.dpop import has_proof, read_proof, use_proof
from fapikit.secrets import random_token

if TYPE_CHECKING:
    from askit.core import Core

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"


async def par(core: Core, request: Request) -> Response:
    """201 with a request URI. Raises FapiError."""
    parameters = await read_form(request)
    proof = await read_proof(core, request) if has_proof(request) else None
    client = await authenticate_client(core, request, parameters)
    jkt = proof.jkt if proof else None
    pushed = await read_authorization_request(core, parameters, client, jkt=jkt)
    if proof is not None:
        await use_proof(core, proof)
    request_uri = await keep_request(core, pushed)
    body = {"request_uri": request_uri, "expires_in": int(core.profile.par_lifetime)}
    return json_answer(body, 201, await core.nonce_header())


async def keep_request(core: Core, pushed: PushedRequest) -> str:
    """Store a request under a new URI; the record outlives the URI while its user is at the page."""
    request_uri = PREFIX + random_token(core.random_bytes)
    await core.records.save("request", request_uri, pushed, core.profile.par_lifetime + INTERACTION)
    return request_uri
