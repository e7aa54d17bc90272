"""The device authorization endpoint: a device without a browser starts a request, and gets a code to show.

Under a profile with public clients the client may be public. Then anybody can cause these records. So all of them
together take a part of the client's share at most, and those from one address a smaller one: what its users have
approved goes on.

Spec: RFC 8628 3.1b, 3.2a, 3.3b, 5.2, 5.6; RFC 9449 10; RFC 8705 3; FAPI2-SP 5.3.2.1-12
Role: AS
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.clients.client import Client
from askit.core import Core
from askit.decoupled.decisions import approve_automatically
from askit.decoupled.user_codes import reserve_user_code
from askit.decoupled.waiting import new_secret, read_waiting_request, remembered_for, start_request, uri_of
from askit.errors import UnauthorizedClient
from askit.messages import json_answer, read_form
from askit.records import WaitingRequest
from askit.requests.dpop import has_proof, read_proof, use_proof
from askit.shares import Owner
from fapikit.urns import DEVICE_CODE

_PART_OF_ALL: Final = 4
_PART_OF_AN_ADDRESS: Final = 16


async def device_authorization(core: Core, request: Request) -> Response:
    """200 with a device code and a user code. Raises FapiError."""
    parameters = await read_form(request, core.config.limits)
    proof = await read_proof(core, request) if has_proof(request) else None
    client = await authenticate_client(core, request, parameters)
    if DEVICE_CODE not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for the device grant", clause="RFC 8628 3.2a")
    lifetime = core.config.device_code_lifetime
    waiting = await read_waiting_request(
        core, request, parameters, client, proof, grant_type=DEVICE_CODE, lifetime=lifetime
    )
    owners = await _owners(core, client, waiting)
    core.shares.require(owners)
    if client.auth_method != "none":
        # A public client's proof is not marked as used: it only names the key that must redeem the code.
        await use_proof(core, proof, client)
    device_code = new_secret(core)
    kept = remembered_for(core, waiting.expires_at)
    user_code = await reserve_user_code(core, uri_of(device_code), kept, owners)
    waiting = replace(waiting, user_code=user_code)
    opened = await start_request(core, device_code, waiting, owners)
    await approve_automatically(core, opened, client)
    verification_uri = core.endpoint("device")
    body = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": verification_uri,
        "verification_uri_complete": f"{verification_uri}?{urlencode({'user_code': user_code})}",
        "expires_in": int(lifetime),
        "interval": ceil(waiting.interval),
    }
    return json_answer(core.device_authorization_body(body), 200, await core.nonce_header())


async def _owners(core: Core, client: Client, waiting: WaitingRequest) -> tuple[Owner, ...]:
    if client.auth_method != "none":
        return client.owners
    place = await core.keys.pseudonym(f"address {waiting.address}")
    anybody = Owner("public device", client.client_id, _PART_OF_ALL)
    return (*client.owners, anybody, Owner("address", place, _PART_OF_AN_ADDRESS))
