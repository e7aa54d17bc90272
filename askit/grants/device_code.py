"""The device grant: a device polls with its device code until the user has decided.

Spec: RFC 8628 3.4, 3.5
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from askit.core import Core
from askit.decoupled import redeeming
from askit.decoupled.polling import PolledGrant
from askit.grants.token_request import TokenRequest
from fapikit.urns import DEVICE_CODE

_GRANT: Final = PolledGrant(DEVICE_CODE, "device_code", "RFC 8628 3.4", "RFC 8628 3.5")


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises as `redeeming.redeem` does."""
    return await redeeming.redeem(core, request, _GRANT)
