"""The exchange of a device code: one poll.

Spec: RFC 8628 3.4; RFC 8707 2.2; RFC 9449 5
Role: C
"""

from __future__ import annotations

from fapikit.flow import Flow
from fapikit.secrets import Secret
from fapikit.urns import DEVICE_CODE
from rpkit.bank import Bank
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.token_endpoint import TokenResponse, request_tokens


def exchange_device_code(
    bank: Bank, device_code: Secret, *, dpop: DPoPKey | None, scope: str | None, resource: str | None
) -> Flow[TokenResponse]:
    """The tokens. `scope`: what they may grant at most; None: anything.

    While the user has not decided it raises PeerRefused (authorization_pending, slow_down).
    """
    form = (("device_code", device_code),)
    return (
        yield from request_tokens(bank, DEVICE_CODE, form, dpop=dpop, resource=resource, asked_scope=scope)
    )
