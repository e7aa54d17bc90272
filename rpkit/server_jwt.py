"""A JWT that the server signed for this client alone: the checks that all kinds of such JWTs share.

Spec: RFC 8725 3.8, 3.9
Role: C
Not checked here: what only one kind has; see `id_token`, `jarm`, `backchannel_logout`.
"""

from __future__ import annotations

from collections.abc import Collection

from fapikit.flow import Flow
from fapikit.jose.claims import Expected
from fapikit.jose.encryption import Decryption
from fapikit.jose.purposes import Purpose
from fapikit.jose.verify import VerifiedJwt, verify_jwt
from fapikit.secrets import Secret
from rpkit.bank import Bank


def verify_server_jwt(
    bank: Bank,
    token: Secret,
    purpose: Purpose,
    *,
    algorithms: Collection[str],
    max_age: float | None = None,
    trusted_audiences: Collection[str] = (),
    decryption: Decryption | None = None,
) -> Flow[VerifiedJwt]:
    """Verify a JWT of the server.

    `max_age`: seconds since `iat`. `trusted_audiences`: other values that its `aud` may have beside the client_id.
    `decryption`: how to decrypt it, where encryption is registered.

    Raises the JwtError of the check that fails; TransportError if the key cannot be fetched now.
    """
    expected = Expected(
        issuer=bank.issuer,
        audience=(bank.settings.client_id,),
        now=bank.now(),
        skew=bank.profile.clock_skew,
        sole_audience=True,
        trusted_audiences=trusted_audiences,
        max_age=max_age,
    )
    return (
        yield from verify_jwt(
            token,
            purpose,
            keys=bank.key_source(),
            algorithms=algorithms,
            expected=expected,
            decryption=decryption,
        )
    )
