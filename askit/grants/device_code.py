"""The device grant: a device polls with its device code until the user has decided.

Spec: RFC 8628 3.4, 3.5
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.core import Core
from askit.decoupled import redeeming
from askit.errors import InvalidRequest
from askit.grants.token_request import TokenRequest
from fapikit.urns import DEVICE_CODE


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises InvalidRequest, else as `redeeming.redeem` does."""
    device_code = request.parameters.get("device_code")
    if device_code is None:
        raise InvalidRequest("device_code is missing", clause="RFC 8628 3.4")
    return await redeeming.redeem(core, request, device_code, DEVICE_CODE)
