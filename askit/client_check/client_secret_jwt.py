"""client_secret_jwt: an assertion with a MAC, keyed by the client's secret.

Spec: RFC 7523 3; OIDC 9; RFC 7518 3.2; FAPI1-BL 5.2.2-3, 5.2.2-4
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.client_check.assertion import assertion_of, expected_of, require_single_use
from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient
from fapikit.jose.claims import check_claims
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.jose.shared_secret import HMAC_ALGORITHMS, SharedSecret
from fapikit.parameters import Parameters


async def check(core: Core, _request: Request, parameters: Parameters, client: Client) -> None:
    """Raises JwtError or InvalidClient."""
    registered = client.alg("token_endpoint_auth_signing_alg")
    jws = parse_jws(
        assertion_of(parameters), CLIENT_ASSERTION, {registered} if registered else set(HMAC_ALGORITHMS)
    )
    if client.secret is None or jws.alg not in HMAC_ALGORITHMS:
        raise InvalidClient("this client has no client_secret to sign with")
    profile = core.profile_of(client)
    if not client.has_secret_for(jws.alg, profile):
        raise InvalidClient(
            "the client_secret is too short to sign with", clause=profile.clause("symmetric_octets")
        )
    claims = SharedSecret(client.secret, alg=jws.alg).check_signature(jws)
    check_claims(claims, CLIENT_ASSERTION, expected_of(core, client))
    await require_single_use(core, claims, client)
