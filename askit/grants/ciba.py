"""The CIBA grant: a client polls with its `auth_req_id` until the user has decided, or after it has been pinged.

Spec: CIBA 10.1a, 10.1c, 11a, 11b; FAPI-CIBA 5.2.2-4
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from askit.core import Core
from askit.decoupled import redeeming
from askit.decoupled.polling import PolledGrant
from askit.errors import UnauthorizedClient
from askit.grants.token_request import TokenRequest
from fapikit.urns import CIBA

_GRANT: Final = PolledGrant(CIBA, "auth_req_id", "CIBA 10.1a", "CIBA 11b")


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises UnauthorizedClient, else as `redeeming.redeem` does."""
    if request.client.delivery_mode in (None, "push"):
        raise UnauthorizedClient("this client is registered for push: it does not poll", clause="CIBA 11b")
    return await redeeming.redeem(core, request, _GRANT)
