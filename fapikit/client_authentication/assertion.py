"""The claims of a client assertion, the same for private_key_jwt and client_secret_jwt.

The `aud` is one string: the issuer, unless the settings of the client name another one. With an array or an endpoint
URL, a hostile server could name the endpoint of an honest server and replay the assertion there (threat N3).

Spec: RFC 7523 3; rfc7523bis 4a, 4b; FAPI2-SP 5.3.3.1-5; OIDC 9
Role: C, RS
"""

from __future__ import annotations

from typing import Final

from fapikit.client_authentication.method import Credentials
from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.jose.sign import sign_jwt
from fapikit.jose.signer import Signer
from fapikit.secrets import random_token

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME: Final = 60


def assertion_credentials(
    signer: Signer, *, client_id: str, audience: str, clock: Clock, random_bytes: RandomBytes
) -> Flow[Credentials]:
    """A new assertion of `client_id` for `audience`, as three form parameters."""
    now = int(clock())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": random_token(random_bytes),
    }
    assertion = yield from sign_jwt(claims, CLIENT_ASSERTION, signer)
    return Credentials(
        parameters=(
            ("client_id", client_id),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        )
    )
