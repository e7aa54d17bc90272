"""The exchange of an `auth_req_id`: one poll.

Spec: CIBA 10.1a, 10.1b; RFC 8707 2.2; RFC 9449 5
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.flow import Flow
from fapikit.secrets import Secret
from fapikit.urns import CIBA
from rpkit.bank import Bank
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.token_endpoint import TokenResponse, request_tokens

LONG_POLL: Final = 40.0
"""In seconds: a server may keep a poll for 30 s, to answer it when the user decides."""


def exchange_auth_req_id(
    bank: Bank, auth_req_id: Secret, *, dpop: DPoPKey | None, scope: str | None, resource: str | None
) -> Flow[TokenResponse]:
    """The tokens. `scope`: what they may grant at most; None: anything.

    While the user has not decided it raises PeerRefused (authorization_pending, slow_down).
    """
    return (
        yield from request_tokens(
            bank,
            CIBA,
            (("auth_req_id", auth_req_id),),
            dpop=dpop,
            resource=resource,
            asked_scope=scope,
            timeout=LONG_POLL,
        )
    )
