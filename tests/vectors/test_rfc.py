"""The published examples of the RFCs, each checked twice: by the code here, and independently of it.

A valid example of what is refused here stays in the list, with the refusal that it must meet.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import warnings
from base64 import b64decode
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from fapikit import PrivateKey, Secret, errors, pkce
from fapikit.certificates.chain import ClientAuthorities
from fapikit.certificates.forms import FORMS
from fapikit.dpop import check_proof
from fapikit.errors import FapiError, MalformedJwt, UnknownCritical, UntrustedCertificate, UnusableKey
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import parse_jws
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jose.x5c import certificate_jwk
from rskit.errors import WrongCertificate
from rskit.possession.confirmation import require_certificate
from tests.keys import b64, unb64
from tests.vectors.folder import RFC, read, rfc
from tests.vectors.jose import open_jwe, public, verify_jws

KINDS: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey, "oct": OctKey}
COUNTS = {
    "rfc6979 ecdsa": 6,
    "rfc7515 json": 2,
    "rfc7515 jws": 5,
    "rfc7516 jwe": 2,
    "rfc7517 jwks": 3,
    "rfc7520 jwe": 9,
    "rfc7520 jws": 4,
    "rfc7520 nested": 1,
    "rfc7636 pkce": 1,
    "rfc7638 thumbprint": 3,
    "rfc7797 jws": 1,
    "rfc7797 unencoded": 1,
    "rfc8037 jwe": 1,
    "rfc8037 jws": 1,
    "rfc8705 certificate": 1,
    "rfc8705 jwk": 1,
    "rfc9421 http signature": 8,
    "rfc9440 fields": 1,
    "rfc9449 dpop": 3,
}


def of_kind(kind: str) -> Any:
    found = rfc(kind)
    return pytest.mark.parametrize("vector", [v for _, v in found], ids=[name for name, _ in found])


def test_every_vector_is_of_a_kind_that_is_run() -> None:
    assert Counter(f"{path.stem} {v['kind']}" for path in RFC.iterdir() for v in read(path)) == COUNTS


def foreign_key(jwk: dict[str, Any]) -> Any:
    if "password" in jwk:
        return OctKey.import_key(jwk["password"])
    return KINDS[jwk["kty"]].import_key({k: v for k, v in jwk.items() if k not in ("alg", "use")})


def foreign_jws(compact: str, alg: str, jwk: dict[str, Any]) -> bytes:
    with warnings.catch_warnings():
        # That library warns of names that RFC 9864 retires, and of PKCS #1 v1.5.
        warnings.simplefilter("ignore")
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


@pytest.mark.spec("RFC 7518 3", "RFC 8037 3.1")
@of_kind("jws")
def test_signatures(vector: dict[str, Any]) -> None:
    token, alg, key, text = vector["compact"], vector["alg"], vector["key"], vector["text"].encode()
    assert unb64(token.split(".")[1]) == text
    assert alg == "none" or foreign_jws(token, alg, key) == text
    if vector["expect"] != "valid":
        with pytest.raises(FapiError) as refused:
            verify_jws(token, key or {"kty": "none"})
        assert type(refused.value).__name__ == vector["expect"]
        with pytest.raises(UnusableKey):
            import_public_jwk(key or {"kty": "none"})
        return
    assert verify_jws(token, key) == text
    signing_input, _, tail = token.rpartition(".")
    if alg in ("RS256", "EdDSA") and "d" in key:  # which sign alike each time
        assert PrivateKey.from_jwk({**key, "alg": alg}).sign(signing_input.encode()) == unb64(tail)


@pytest.mark.spec("RFC 8725 3.2")
@of_kind("ecdsa")
def test_ecdsa_without_randomness(vector: dict[str, Any]) -> None:
    text, signature = vector["text"].encode(), unb64(vector["signature"])
    size = len(signature) // 2
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    hash_ = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}[vector["alg"]]
    foreign_key(vector["key"]).public_key.verify(encode_dss_signature(r, s), text, ec.ECDSA(hash_))
    assert import_public_jwk(public(vector["key"])).verifier(vector["alg"])(signature, text)
    assert PrivateKey.from_jwk({**vector["key"], "alg": vector["alg"]}).sign(text) == signature


@pytest.mark.spec("RFC 7518 4", "RFC 7518 5", "RFC 8037 3.2")
@of_kind("jwe")
def test_encryption(vector: dict[str, Any]) -> None:
    assert foreign_jwe(vector["compact"], vector) == vector["text"].encode()
    if vector["expect"] == "valid":
        assert open_jwe(vector["compact"], vector["key"], vector["alg"]) == vector["text"].encode()
        return
    key = DecryptionKey.generate("ECDH-ES")
    expected: type[FapiError] = getattr(errors, vector["expect"])
    with pytest.raises(expected):
        open_jwe(vector["compact"], key.to_private_jwk())
    with pytest.raises(UnusableKey):
        open_jwe(vector["compact"], vector["key"], vector["alg"])


@pytest.mark.spec("RFC 7519 11.2", "RFC 8725 3.3")
@of_kind("nested")
def test_a_signature_inside_encryption(vector: dict[str, Any]) -> None:
    inner = open_jwe(vector["compact"], vector["key"], vector["alg"])
    assert foreign_jwe(vector["compact"], vector) == inner
    assert (
        foreign_jws(inner.decode(), vector["signing_alg"], vector["signing_key"]) == vector["text"].encode()
    )
    parsed = parse_jws(inner.decode(), ID_TOKEN, (vector["signing_alg"],))
    verify = import_public_jwk(vector["signing_key"]).verifier(vector["signing_alg"])
    assert verify(parsed.signature, parsed.signing_input)
    assert parsed.unverified_claims == json.loads(vector["text"])


@pytest.mark.spec("RFC 7638 3")
@of_kind("thumbprint")
def test_thumbprints(vector: dict[str, Any]) -> None:
    required = {"RSA": "e kty n", "EC": "crv kty x y", "OKP": "crv kty x"}[vector["key"]["kty"]].split()
    canonical = json.dumps({name: vector["key"][name] for name in required}, separators=(",", ":"))
    assert b64(hashlib.sha256(canonical.encode()).digest()) == vector["thumbprint"]
    assert import_public_jwk(vector["key"]).thumbprint == vector["thumbprint"]


@pytest.mark.spec("RFC 7636 4.2")
@of_kind("pkce")
def test_pkce(vector: dict[str, Any]) -> None:
    assert b64(hashlib.sha256(vector["verifier"].encode()).digest()) == vector["challenge"]
    assert pkce.challenge_of(Secret(vector["verifier"])) == vector["challenge"]
    assert pkce.verifier_matches(vector["verifier"], vector["challenge"])


@pytest.mark.spec("RFC 9449 4.2a", "RFC 9449 4.2b")
@of_kind("dpop")
def test_dpop_proofs(vector: dict[str, Any]) -> None:
    header = json.loads(unb64(vector["proof"].split(".")[0]))
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
@of_kind("unencoded")
def test_an_unencoded_payload_is_refused(vector: dict[str, Any]) -> None:
    head, _, tail = vector["compact"].split(".")
    signing_input = f"{head}.{vector['text']}".encode()
    assert hmac.digest(unb64(vector["key"]["k"]), signing_input, "sha256") == unb64(tail)
    for payload in ("", b64(vector["text"].encode())):  # detached, and as a compact JWS has it
        with pytest.raises(UnknownCritical):
            parse_jws(f"{head}.{payload}.{tail}", ID_TOKEN, (vector["alg"],))


@pytest.mark.spec("RFC 7519 3")
@of_kind("json")
def test_json_serializations_are_refused(vector: dict[str, Any]) -> None:
    serialized = vector["json"]
    for signature, alg, key in zip(
        serialized.get("signatures", [serialized]), vector["algs"], vector["keys"], strict=True
    ):
        compact = f"{signature['protected']}.{serialized['payload']}.{signature['signature']}"
        assert foreign_jws(compact, alg, key) == vector["text"].encode() == verify_jws(compact, key)
        with pytest.raises(MalformedJwt):
            verify_jws(json.dumps(serialized), key)


@pytest.mark.spec("RFC 7517 5", "RFC 7517 9.2")
@of_kind("jwks")
def test_key_sets(vector: dict[str, Any]) -> None:
    for jwk in vector["jwks"]["keys"]:
        assert foreign_key(jwk).thumbprint()
    verifying = [
        key.kid for key in KeySet.from_jwks(vector["jwks"]).keys if any(map(key.supports, ALGORITHMS))
    ]
    signing, opening = [], []
    for jwk in vector["jwks"]["keys"]:
        with suppress(UnusableKey):
            signing.append(PrivateKey.from_jwk(jwk).kid)
        with suppress(UnusableKey):
            opening.append(DecryptionKey.from_jwk(jwk, alg="ECDH-ES").kid)
    assert (verifying, signing, opening) == (vector["verify"], vector["sign"], vector["open"])


@pytest.mark.spec("RFC 8705 3b")
@of_kind("certificate")
def test_certificate_thumbprints(vector: dict[str, Any]) -> None:
    der = b64decode(vector["certificate"])
    assert b64(x509.load_der_x509_certificate(der).fingerprint(hashes.SHA256())) == vector["thumbprint"]
    require_certificate(der, vector["thumbprint"])
    with pytest.raises(WrongCertificate):
        require_certificate(der + b"\0", vector["thumbprint"])


@pytest.mark.spec("RFC 7517 4.7", "RFC 8705 2.2.2")
@of_kind("jwk")
def test_a_jwk_with_its_certificate(vector: dict[str, Any]) -> None:
    jwk, der = vector["jwk"], b64decode(vector["certificate"])
    shown = x509.load_der_x509_certificate(der)
    assert foreign_key(jwk).raw_value.public_numbers() == shown.public_key().public_numbers()
    key_set = KeySet.from_jwks({"keys": [jwk]})
    assert (len(key_set), key_set.read_certificates()) == (1, {der})
    made = certificate_jwk([shown])
    assert {name: made[name] for name in jwk} == jwk
    others = KeySet.from_jwks({"keys": [{**jwk, **ECKey.generate_key("P-256").as_dict(private=False)}]})
    assert not others.read_certificates(), "the certificate of another key"


@pytest.mark.spec("RFC 9440 2.2", "RFC 9440 2.3")
@of_kind("fields")
def test_the_fields_of_a_proxy(vector: dict[str, Any]) -> None:
    leaf, *chain = certificates = [b64decode(each) for each in vector["certificates"]]
    issued = [x509.load_der_x509_certificate(each) for each in certificates]
    for one, issuer in pairwise(issued):
        one.verify_directly_issued_by(issuer)
    form = FORMS["rfc9440"]
    assert form.decode_chain is not None
    assert form.decode(vector["Client-Cert"]).leaf == leaf
    assert form.decode_chain(vector["Client-Cert-Chain"]) == tuple(chain)
    while_valid = issued[0].not_valid_before_utc.timestamp() + 1
    ClientAuthorities([issued[-1]]).verify(issued[0], issued[1:], while_valid)
    with pytest.raises(UntrustedCertificate):
        ClientAuthorities([issued[-1]]).verify(issued[0], [], while_valid)
