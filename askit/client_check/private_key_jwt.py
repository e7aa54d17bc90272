"""private_key_jwt: an assertion signed with one of the client's registered keys.

Spec: RFC 7523 3; FAPI2-SP 5.3.2.1-6, 5.3.2.1-8, 5.3.2.1-13
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.client_check.assertion import assertion_of, expected_of, require_single_use
from askit.clients.client import Client
from askit.core import Core
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.jose.verify import verify_jwt
from fapikit.parameters import Parameters


async def check(core: Core, _request: Request, parameters: Parameters, client: Client) -> None:
    """Raises JwtError or InvalidClient; TransportError if the client's keys cannot be fetched now."""
    registered = client.alg("token_endpoint_auth_signing_alg")
    verified = await core.run(
        core.waiting_for_keys.wait(
            client.client_id,
            verify_jwt(
                assertion_of(parameters),
                CLIENT_ASSERTION,
                keys=core.clients.keys_of(client),
                algorithms={registered} if registered else core.profile_of(client).signing_algorithms,
                expected=expected_of(core, client),
            ),
        )
    )
    await require_single_use(core, verified.claims, client)
