"""The CIBA grant: a client polls with its `auth_req_id` until the user has decided, or after it has been pinged.

Spec: CIBA 10.1a, 10.1c, 11a, 11b; FAPI-CIBA 5.2.2-4
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.core import Core
from askit.decoupled import redeeming
from askit.errors import InvalidRequest, Refused, UnauthorizedClient
from askit.grants.token_request import TokenRequest
from fapikit.urns import CIBA


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises UnauthorizedClient, InvalidRequest, else as `redeeming.redeem` does."""
    if request.client.delivery_mode in (None, "push"):
        raise UnauthorizedClient("this client is registered for push: it does not poll", clause="CIBA 11b")
    auth_req_id = request.parameters.get("auth_req_id")
    if auth_req_id is None:
        raise InvalidRequest("auth_req_id is missing", clause="CIBA 10.1a")
    try:
        return await redeeming.redeem(core, request, auth_req_id, CIBA)
    except Refused as error:
        if error.clause == "RFC 8628 3.5":
            error.clause = "CIBA 11b"
        raise
