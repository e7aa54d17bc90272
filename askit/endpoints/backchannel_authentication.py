"""The backchannel authentication endpoint: a client asks for a user's consent on the user's own device (CIBA).

Spec: CIBA 5, 7a, 7.1a, 7.1b, 7.2, 7.3a; RFC 9449 5, 10; RFC 8705 3
Role: AS
"""

from __future__ import annotations

from functools import partial
from math import ceil

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.clients.client import Client
from askit.core import Core
from askit.decoupled.decisions import approve_automatically
from askit.decoupled.delivery import keep_notice
from askit.decoupled.pending import add_pending
from askit.decoupled.waiting import certificate_to_show_again, new_secret, start_request, uri_of
from askit.issuing.confirmation import confirmation_of
from askit.messages import json_answer, read_form
from askit.requests.backchannel.authentication_request import read_authentication_request
from askit.requests.client_address import client_address
from askit.requests.client_certificate import client_certificate
from askit.requests.dpop import has_proof, read_proof, use_proof
from askit.requests.request_uris import OpenedRequest
from fapikit.errors import FapiError


async def backchannel_authentication(core: Core, request: Request) -> Response:
    """200 with an `auth_req_id`. Raises FapiError."""
    parameters = await read_form(request, core.config.limits)
    proof = await read_proof(core, request) if has_proof(request) else None
    client = await authenticate_client(core, request, parameters)
    if client.delivery_mode == "push":
        # Its tokens are issued without another request, so this one must show what they are bound to (CIBA 5).
        confirmation_of(core, client, proof, client_certificate(core, request))
    asked = await read_authentication_request(
        core,
        parameters,
        client,
        jkt=proof.jkt if proof else None,
        x5t=certificate_to_show_again(core, request, client),
        address=client_address(request, core.config.trusted_proxies),
    )
    await use_proof(core, proof, client)
    auth_req_id, waiting = new_secret(core), asked.waiting
    automatic = asked.user.username == core.config.auto_approve
    if not automatic:
        await add_pending(core, uri_of(auth_req_id), waiting, asked.user)
    if asked.notification_token is not None:
        await keep_notice(
            core,
            uri_of(auth_req_id),
            waiting,
            client,
            auth_req_id=auth_req_id,
            token=asked.notification_token,
        )
    opened = await start_request(core, auth_req_id, waiting, client.owners)
    body = {
        "auth_req_id": auth_req_id,
        "expires_in": int(waiting.expires_at - waiting.created_at),
        **({} if waiting.delivery_mode == "push" else {"interval": ceil(waiting.interval)}),
    }
    response = json_answer(core.backchannel_authentication_body(body), 200, await core.nonce_header())
    if automatic:
        approval = partial(_approve, core, opened, client)
        if waiting.delivery_mode == "poll":
            await approval()
        else:  # after the answer: a client that is pinged, or pushed to, must know the id by then
            response.background = BackgroundTask(approval)
    return response


async def _approve(core: Core, opened: OpenedRequest, client: Client) -> None:
    try:
        await approve_automatically(core, opened, client)
    except FapiError as error:
        core.log.warning("a request of %s was not approved automatically: %s", client.client_id, error)
