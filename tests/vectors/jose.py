"""A compact JWS verified and a compact JWE opened whatever their payload is; ours would have claims there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from fapikit import base64url
from fapikit.errors import FapiError, UnusableKey
from fapikit.flow import run_pure
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.claims import Expected
from fapikit.jose.encryption import Decryption, decrypt
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import UnverifiedJws, read_header, read_signature, split_jws
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jose.verify import check_signature, verify_jwt

PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}
ANONYMOUS_USER = DecryptionKey.generate("ECDH-ES")


def public(jwk: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in PRIVATE}


def key_set(jwk: Mapping[str, Any]) -> KeySet:
    """Of a JWK Set or of one JWK, which has to be usable."""
    if "keys" in jwk:
        return KeySet.from_jwks({"keys": [public(member) for member in jwk["keys"]]})
    return KeySet([import_public_jwk(public(jwk))])


def verify_jws(token: str, jwk: Mapping[str, Any]) -> bytes:
    """The payload. Raises what `verify_jwt` raises, which must refuse whatever is refused here."""
    try:
        return _verified(token, jwk)
    except FapiError:
        with pytest.raises(FapiError):
            _verify_claims_too(token, jwk)
        raise


def _verified(token: str, jwk: Mapping[str, Any]) -> bytes:
    """The steps of `verify_jwt` in its order, without those that read claims."""
    head, body, tail = split_jws(token, ID_TOKEN)
    header = read_header(head, ID_TOKEN, ALGORITHMS)
    jws = UnverifiedJws(*header, {}, f"{head}.{body}".encode(), read_signature(tail, ID_TOKEN))
    check_signature(jws, key_set(jwk).select(header.alg, header.kid, ID_TOKEN), ID_TOKEN)
    return base64url.decode(body)


def _verify_claims_too(token: str, jwk: Mapping[str, Any]) -> None:
    expected = Expected(issuer=None, audience=(), now=0.0)
    run_pure(verify_jwt(token, ID_TOKEN, keys=key_set(jwk), algorithms=ALGORITHMS, expected=expected))


def open_jwe(token: str, jwk: Mapping[str, Any], alg: str | None = None) -> bytes:
    """The plaintext. Raises UnusableKey for a key that opens nothing here; another key must not open it either."""
    try:
        key = _opener(json.dumps({"alg": alg, **jwk}))
    except UnusableKey:
        with pytest.raises(FapiError):
            decrypt(token, ID_TOKEN, Decryption(keys=(ANONYMOUS_USER,)))
        raise
    return decrypt(token, ID_TOKEN, Decryption(keys=(key,)))


@cache
def _opener(jwk: str) -> DecryptionKey:
    return DecryptionKey.from_jwk(json.loads(jwk))  # an RSA key takes long to load
