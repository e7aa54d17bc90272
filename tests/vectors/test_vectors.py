"""The published examples of the RFCs, each checked twice: by the code here, and independently of it.

A valid example of an algorithm that is refused here stays in the list, with the refusal it must meet.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from fapikit import Secret, errors, pkce
from fapikit.dpop import check_proof
from fapikit.errors import FapiError, UnknownCritical, UnusableKey
from fapikit.jose.encryption import Decryption, decrypt
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.parse import parse_jws
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ID_TOKEN
from tests.keys import b64

KINDS: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey, "oct": OctKey}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}


def vectors(*names: str) -> list[Any]:
    found = []
    for name in names:
        for vector in json.loads((Path(__file__).parent / f"{name}.json").read_text("utf-8")):
            found.append(pytest.param(vector, id=f"{name} {vector['section']}"))
    return found


def public(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in PRIVATE}


def octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def foreign_key(jwk: dict[str, Any]) -> Any:
    if "password" in jwk:
        return OctKey.import_key(jwk["password"])
    return KINDS[jwk["kty"]].import_key({k: v for k, v in jwk.items() if k not in ("alg", "use")})


def foreign_jws(compact: str, alg: str, jwk: dict[str, Any]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # that library warns of names that RFC 9864 retires, and of PKCS #1 v1.5
        payload = jws.deserialize_compact(compact, foreign_key(jwk), algorithms=[alg]).payload
    assert isinstance(payload, bytes)
    return payload


class _Roomy(jwe.JWERegistry):
    max_encrypted_key_length = 4096


def foreign_jwe(compact: str, vector: dict[str, Any]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        registry = _Roomy(algorithms=[vector["alg"], vector["enc"], "DEF"])
        return jwe.decrypt_compact(compact, foreign_key(vector["key"]), registry=registry).plaintext or b""


SIGNED = [case for case in vectors("rfc7515", "rfc7520", "rfc8037") if case.values[0]["kind"] == "jws"]
SEALED = [case for case in vectors("rfc7520", "rfc8037") if case.values[0]["kind"] == "jwe"]


@pytest.mark.spec("RFC 7518 3", "RFC 8037 3.1")
@pytest.mark.parametrize("vector", SIGNED)
def test_signatures(vector: dict[str, Any]) -> None:
    signing_input, _, tail = vector["compact"].rpartition(".")
    text = vector["text"].encode()
    assert octets(signing_input.split(".")[1]) == text
    assert foreign_jws(vector["compact"], vector["alg"], vector["key"]) == text
    if vector["expect"] != "valid":
        with pytest.raises(UnusableKey) as refused:
            import_public_jwk(public(vector["key"]))
        assert type(refused.value).__name__ == vector["expect"]
        return
    verify = import_public_jwk(public(vector["key"])).verifier(vector["alg"])
    assert verify(octets(tail), signing_input.encode())
    assert not verify(octets(tail), signing_input.encode() + b"x")
    assert not verify(octets(tail)[:-1] + b"\0", signing_input.encode())


@pytest.mark.spec("RFC 7518 4", "RFC 7518 5", "RFC 8037 3.2")
@pytest.mark.parametrize("vector", SEALED)
def test_encryption(vector: dict[str, Any]) -> None:
    assert foreign_jwe(vector["compact"], vector) == vector["text"].encode()
    if vector["expect"] == "valid":
        key = DecryptionKey.from_jwk({**vector["key"], "alg": vector["alg"]})
        assert decrypt(vector["compact"], ID_TOKEN, Decryption(keys=(key,))) == vector["text"].encode()
        return
    key = DecryptionKey.generate("ECDH-ES")
    expected: type[FapiError] = getattr(errors, vector["expect"])
    with pytest.raises(expected):
        decrypt(vector["compact"], ID_TOKEN, Decryption(keys=(key,)))


@pytest.mark.spec("RFC 7519 11.2", "RFC 8725 3.3")
def test_a_signature_inside_encryption() -> None:
    (vector,) = [case.values[0] for case in vectors("rfc7520") if case.values[0]["kind"] == "nested"]
    key = DecryptionKey.from_jwk({**vector["key"], "alg": vector["alg"]})
    inner = decrypt(vector["compact"], ID_TOKEN, Decryption(keys=(key,)))
    assert foreign_jwe(vector["compact"], vector) == inner
    assert (
        foreign_jws(inner.decode(), vector["signing_alg"], vector["signing_key"]) == vector["text"].encode()
    )
    parsed = parse_jws(inner.decode(), ID_TOKEN, (vector["signing_alg"],))
    verify = import_public_jwk(vector["signing_key"]).verifier(vector["signing_alg"])
    assert verify(parsed.signature, parsed.signing_input)
    assert parsed.unverified_claims == json.loads(vector["text"])


@pytest.mark.spec("RFC 7638 3")
@pytest.mark.parametrize("vector", vectors("rfc7638"))
def test_thumbprints(vector: dict[str, Any]) -> None:
    required = {"RSA": "e kty n", "EC": "crv kty x y", "OKP": "crv kty x"}[vector["key"]["kty"]].split()
    canonical = json.dumps({name: vector["key"][name] for name in required}, separators=(",", ":"))
    assert b64(hashlib.sha256(canonical.encode()).digest()) == vector["thumbprint"]
    assert import_public_jwk(vector["key"]).thumbprint == vector["thumbprint"]


@pytest.mark.spec("RFC 7636 4.2")
@pytest.mark.parametrize("vector", vectors("rfc7636"))
def test_pkce(vector: dict[str, Any]) -> None:
    assert b64(hashlib.sha256(vector["verifier"].encode()).digest()) == vector["challenge"]
    assert pkce.challenge_of(Secret(vector["verifier"])) == vector["challenge"]
    assert pkce.verifier_matches(vector["verifier"], vector["challenge"])


@pytest.mark.spec("RFC 9449 4.2a", "RFC 9449 4.2b")
@pytest.mark.parametrize("vector", vectors("rfc9449"))
def test_dpop_proofs(vector: dict[str, Any]) -> None:
    header = json.loads(octets(vector["proof"].split(".")[0]))
    claims = json.loads(foreign_jws(vector["proof"], "ES256", header["jwk"]))
    assert (claims["htm"], claims["htu"], claims["iat"]) == (vector["method"], vector["url"], vector["iat"])
    checked = check_proof(
        [vector["proof"]],
        method=vector["method"],
        urls={vector["url"]},
        now=vector["iat"],
        algorithms=("ES256",),
        access_token=vector["access_token"],
        bound_to="0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
    )
    assert checked.jti == vector["jti"]


@pytest.mark.spec("RFC 7515 4.1.11")
def test_an_unencoded_payload_is_refused() -> None:
    """RFC 7797 4.2, made compact with a payload that has no dot."""
    with pytest.raises(UnknownCritical):
        parse_jws("eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2V9.AAAA.GsyM6AQJbQHY8aQKCbZSPA", ID_TOKEN, ("HS256",))
