"""client_secret_jwt: an assertion with a MAC, keyed by the client's secret.

Spec: RFC 7523 3; OIDC 9; RFC 7518 3.2; FAPI1-BL 5.2.2-3, 5.2.2-4
Role: AS
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from starlette.requests import Request

from askit.client_check.assertion import assertion_of, expected_of, require_single_use
from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient
from fapikit.errors import BadSignature
from fapikit.jose.claims import check_claims
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.parameters import Parameters

_HASHES: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


async def check(core: Core, _request: Request, parameters: Parameters, client: Client) -> None:
    """Raises JwtError or InvalidClient."""
    registered = client.alg("token_endpoint_auth_signing_alg")
    jws = parse_jws(assertion_of(parameters), CLIENT_ASSERTION, {registered} if registered else set(_HASHES))
    if client.secret is None or jws.alg not in _HASHES:
        raise InvalidClient("this client has no client_secret to sign with")
    profile = core.profile_of(client)
    if not client.has_secret_for(jws.alg, profile):
        raise InvalidClient(
            "the client_secret is too short to sign with", clause=profile.clause("symmetric_octets")
        )
    secret = client.secret.reveal().encode()
    mac = hmac.new(secret, jws.signing_input, _HASHES[jws.alg]).digest()
    if not hmac.compare_digest(mac, jws.signature):
        raise CLIENT_ASSERTION.fail(BadSignature, "the MAC of this client assertion does not verify")
    check_claims(jws.unverified_claims, CLIENT_ASSERTION, expected_of(core, client))
    await require_single_use(core, jws.unverified_claims, client)
