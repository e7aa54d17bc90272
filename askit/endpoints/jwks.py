"""This server's public keys. The next key is included before it signs.

Spec: RFC 7517 5; FAPI2-SP 5.4.2a; OIDC 10.1.1
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.messages import public_json


async def jwks(core: Core, _request: Request) -> Response:
    return public_json(await core.jwks(), max_age=60)
