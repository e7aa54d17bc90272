"""Which function redeems which grant type, and which grant types this server will never have.

A new grant is a new file with a `redeem`, and a line here.

Spec: RFC 6749 4.1.3, 4.4, 6; RFC 8628 3.4; FAPI2-SP 5.3.2.1-2
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from askit.core import Core
from askit.grants import (
    authorization_code,
    ciba,
    client_credentials,
    device_code,
    jwt_bearer,
    refresh_token,
    token_exchange,
)
from askit.grants.token_request import TokenRequest
from fapikit.urns import CIBA, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE

Redeem: TypeAlias = Callable[[Core, TokenRequest], Awaitable[dict[str, Any]]]

GRANTS: Final[Mapping[str, Redeem]] = {
    "authorization_code": authorization_code.redeem,
    "refresh_token": refresh_token.redeem,
    "client_credentials": client_credentials.redeem,
    DEVICE_CODE: device_code.redeem,
    TOKEN_EXCHANGE: token_exchange.redeem,
    JWT_BEARER: jwt_bearer.redeem,
    CIBA: ciba.redeem,
}

NEVER: Final[Mapping[str, tuple[str, str]]] = {
    "password": ("FAPI2-SP 5.3.2.1-2", "the password grant does not exist: send the user here instead"),
    "implicit": ("RFC 9700 2.1.2", "the implicit grant does not exist: use the authorization code grant"),
}
"""Grants that this server will never have, with the clause that forbids them."""
