"""The authorization response: a code or an error, with `state` and `iss`, plain or signed.

Spec: JARM 2.1, 2.3; RFC 9207 2; FAPI2-SP 5.3.2.2-7; FAPI1-BL 5.2.2.1-4
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from askit.clients.client import Client
from askit.core import Core
from askit.issuing.jarm import make_jarm_response
from askit.records import PushedRequest


async def authorization_response(
    core: Core, request: PushedRequest, client: Client, members: Mapping[str, str]
) -> Response:
    """Send `members` (a code, or an error) to the client, with its `state` and our `iss`; by 303."""
    parameters = dict(members)
    if request.state is not None:
        parameters["state"] = request.state
    transport, _, signed = request.response_mode.partition(".")
    if signed:
        parameters = {"response": await make_jarm_response(core, parameters, client)}
    else:
        parameters["iss"] = core.config.issuer
    return core.send_response(request, transport, parameters)
