"""The registered URNs of grant types and token types that client and server share.

Spec: RFC 8693 2.1a, 3; RFC 7523 2.1; RFC 8628 3.4; CIBA 4a
Role: C, AS
"""

from __future__ import annotations

from typing import Final

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CIBA: Final = "urn:openid:params:grant-type:ciba"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"

ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:id_token"
