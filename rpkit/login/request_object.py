"""The authorization request as a signed JWT. It has every parameter, each with its own JSON type.

Spec: RFC 9101 4a, 4b, 10.8; FAPI2-MS 5.3.2-1, -2, -3, -4, -5; RFC 8707 2.1; FAPI1-ADV 5.2.3-8, -10, -11, -14
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.jose.encryption import DEFAULT_ENC, encrypt_jwt
from fapikit.jose.purposes import REQUEST_OBJECT, Purpose
from fapikit.jose.sign import sign_jwt
from fapikit.secrets import Concealed
from rpkit.bank import Bank
from rpkit.registration.keys import signer_now

LIFETIME: Final = 300
"""In seconds. FAPI2-MS 5.3.2-4 allows 60 minutes. With PAR and CIBA the server reads the request at once."""


def sign_request(bank: Bank, parameters: Concealed[Mapping[str, Any]]) -> Flow[str]:
    """`parameters` as a request object for this server, encrypted if `request_object_encryption_alg` is set.

    Raises ConfigurationError without a `request_signer`. With encryption also UnusableKey if the server publishes no
    key for it, and TransportError.
    """
    signed = Concealed((yield from sign_parameters(bank, parameters, REQUEST_OBJECT)))
    alg = bank.settings.request_object_encryption_alg
    if alg is None:
        return signed.reveal()
    key = yield from bank.key_source().find_encryption_key(alg)
    return encrypt_jwt(signed.reveal(), key, enc=bank.settings.request_object_encryption_enc or DEFAULT_ENC)


def sign_parameters(bank: Bank, parameters: Concealed[Mapping[str, Any]], purpose: Purpose) -> Flow[str]:
    """`parameters` as a signed JWT of this client for this server. Raises ConfigurationError without a key."""
    signer = bank.settings.request_signer
    if signer is None:
        raise ConfigurationError("a signed request needs a key: set request_signer", clause="RFC 9101 4b")
    now = int(bank.now())
    own = {
        "iss": bank.settings.client_id,
        "aud": bank.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": bank.random_string(),
    }
    return (yield from sign_jwt({**parameters.reveal(), **own}, purpose, signer_now(signer)))
