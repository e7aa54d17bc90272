"""Pushed authorization requests: an authenticated client sends the whole request before the browser is redirected.

Spec: RFC 9126 2a, 2.1-1, 2.1-3, 2.2; RFC 9449 10.1; FAPI2-SP 5.3.2.2-2, 5.3.2.2-4, 5.3.2.2-12; RFC 9101 10.2-d
Spec: FAPI1-ADV 5.2.2-11
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.core import Core
from askit.messages import json_answer, read_form
from askit.requests.authorization_request import read_authorization_request
from askit.requests.dpop import has_proof, read_proof
from askit.requests.request_uris import push_request


async def par(core: Core, request: Request) -> Response:
    """201 with a request URI. Raises FapiError."""
    parameters = await read_form(request, core.config.limits)
    proof = await read_proof(core, request) if has_proof(request) else None
    client = await authenticate_client(core, request, parameters)
    jkt = proof.jkt if proof else None
    pushed = await read_authorization_request(core, parameters, client, jkt=jkt)
    request_uri = await push_request(core, pushed, client, proof)
    body = {"request_uri": request_uri, "expires_in": int(core.profile.par_lifetime)}
    return json_answer(body, 201, await core.nonce_header())
