"""JARM: the authorization response as one signed JWT.

Spec: JARM 2.1, 2.2, 3; FAPI2-MS 5.4.1-1, 5.4.1 N; FAPI1-ADV 5.2.2.2-1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.core import Core
from askit.issuing.encryption import encrypted_for
from fapikit.jose.purposes import JARM_RESPONSE

LIFETIME: Final = 300


async def make_jarm_response(core: Core, parameters: Mapping[str, str], client: Client) -> str:
    """A JWT with all parameters, also of an error, for this client only. `iss` is only inside the JWT."""
    now = int(core.clock())
    claims: dict[str, Any] = {
        **parameters,
        "iss": core.config.issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
    }
    jwt = await core.sign(claims, JARM_RESPONSE, client.alg("authorization_signed_response_alg"))
    return await encrypted_for(core, client, jwt, "authorization")
