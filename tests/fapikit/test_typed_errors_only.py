"""Whatever JSON a peer sends where a document is due, what comes out is the document or a typed error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit import PrivateKey
from fapikit.client_authentication import ClientSecretJWT
from fapikit.dpop import NonceIssuer
from fapikit.errors import FapiError
from fapikit.http_message import HttpResponse, read_json_object, read_refusal
from fapikit.introspection import read_members
from fapikit.jose.claims import Expected, check_claims
from fapikit.jose.encryption import Decryption, decrypt_jwt
from fapikit.jose.encryption_keys import DecryptionKey, EncryptionKey
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import ACCESS_TOKEN, ID_TOKEN
from fapikit.metadata import read_metadata
from fapikit.metadata_audit import audit
from fapikit.profiles import PROFILES
from tests.clocks import NOW
from tests.keys import a_key, b64

NAMES = [
    *(
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "client_id",
        "nonce",
        "active",
        "cnf",
        "scope",
        "keys",
        "error",
    ),
    *(
        "kty",
        "crv",
        "x",
        "y",
        "n",
        "e",
        "d",
        "alg",
        "use",
        "kid",
        "key_ops",
        "enc",
        "epk",
        "typ",
        "crit",
        "issuer",
    ),
    *("token_endpoint", "jwks_uri", "mtls_endpoint_aliases", "scopes_supported", "response_types_supported"),
    *("token_endpoint_auth_methods_supported", "authorization_response_iss_parameter_supported"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**39), 10**39)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "EC", "RSA", "OKP", "P-256", "ES256", "https://as.example", "sig", "AQAB", "é", "\n"]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
VALUES = (
    SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=3)
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
OPENER = DecryptionKey.generate("ECDH-ES")

READERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "key set": KeySet.from_jwks,
    "key sets": lambda document: KeySet.from_jwks({"keys": [document, dict(a_key().public_jwk)]}),
    "private key": PrivateKey.from_jwk,
    "private key set": PrivateKey.from_jwks,
    "encryption key": lambda document: EncryptionKey.from_jwk(document, alg="ECDH-ES"),
    "introspection": lambda document: read_members({"active": True, **document}),
    "claims": lambda document: check_claims(
        document, ACCESS_TOKEN, Expected(issuer="https://as.example", audience=("a",), now=NOW, max_age=60)
    ),
    "metadata": lambda document: read_metadata(
        "https://as.example", {"issuer": "https://as.example", **document}
    ),
    "audit": lambda document: [
        audit(read_metadata("https://as.example", {**document, "issuer": "https://as.example"}), name)
        for name in PROFILES
    ],
}


@pytest.mark.parametrize("reader", READERS)
@given(document=DOCUMENTS)
def test_reads_a_document_or_says_what_is_wrong(reader: str, document: dict[str, Any]) -> None:
    with suppress(FapiError):
        READERS[reader](document)


@given(st.binary(max_size=80), st.integers(200, 599), st.sampled_from(["application/json", "text/html", ""]))
def test_any_answer_is_an_object_or_an_error(body: bytes, status: int, media_type: str) -> None:
    response = HttpResponse(status, (("content-type", media_type),), body, "https://as.example/token")
    with suppress(FapiError):
        assert isinstance(read_json_object(response, clause="RFC 6749 5.1"), dict)
    assert isinstance(read_refusal(response, clause="RFC 6749 5.2"), FapiError)


TOKENS = st.lists(
    st.binary(max_size=30).map(b64) | st.text(alphabet="Aa-_=+/. é", max_size=10), min_size=1, max_size=6
).map(".".join)


@given(TOKENS)
def test_any_text_is_a_token_or_an_error(token: str) -> None:
    with suppress(FapiError):
        parse_jws(token, ID_TOKEN, ("ES256",))
    with suppress(FapiError):
        decrypt_jwt(token, ID_TOKEN, Decryption(keys=(OPENER,)))
    assert not NonceIssuer((b"n" * 32,)).accepts(token, NOW)


@given(st.binary(max_size=100))
def test_any_octets_are_a_key_or_an_error(octets: bytes) -> None:
    for load in (PrivateKey.from_pem, PrivateKey.from_der, PrivateKey.from_pkcs12):
        with suppress(FapiError):
            load(octets)
    with suppress(FapiError):
        ClientSecretJWT(octets.decode("latin-1"))
