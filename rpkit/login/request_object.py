"""The authorization request as a signed JWT: every parameter inside, with its own JSON type.

Spec: RFC 9101 4a, 4b, 10.8; FAPI2-MS 5.3.2-1, -2, -3, -4, -5; RFC 8707 2.1; FAPI1-ADV 5.2.3-8, -10, -11, -14
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.jose.encryption import DEFAULT_ENC, encrypt_jwt
from fapikit.jose.purposes import REQUEST_OBJECT
from fapikit.jose.sign import sign_jwt
from fapikit.secrets import Concealed
from rpkit.bank import Bank
from rpkit.registration.keys import signer_now

LIFETIME: Final = 300
"""Seconds; FAPI2-MS 5.3.2-4 allows 60 minutes, the user's browser needs none of them after PAR."""


def sign_request(bank: Bank, parameters: Concealed[Mapping[str, Any]]) -> Flow[str]:
    """`parameters` as a request object for this server. Raises ConfigurationError without a `request_signer`.

    Encrypted where that is agreed: then UnusableKey where the server publishes no such key, and TransportError.
    """
    signer = bank.settings.request_signer
    if signer is None:
        raise ConfigurationError("request_signer is needed to sign requests", clause="RFC 9101 4b")
    signer = signer_now(signer)
    now = int(bank.now())
    own = {
        "iss": bank.settings.client_id,
        "aud": bank.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": bank.random_string(),
    }
    signed = Concealed((yield from sign_jwt({**parameters.reveal(), **own}, REQUEST_OBJECT, signer)))
    alg = bank.settings.request_object_encryption_alg
    if alg is None:
        return signed.reveal()
    key = yield from bank.key_source().find_encryption_key(alg)
    return encrypt_jwt(signed.reveal(), key, enc=bank.settings.request_object_encryption_enc or DEFAULT_ENC)
