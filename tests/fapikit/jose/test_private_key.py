"""Private keys: every form they are kept in, and what they never show."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PublicFormat,
    pkcs12,
)

from fapikit import KeyRing, PrivateKey, Signer
from fapikit.errors import ConfigurationError, Remedy, UnusableKey, UnusablePrivateKey
from tests.keys import a_key, signature_of

PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
KEYS = ["ES256", "ES384", "ES512", "PS256", "Ed25519"]


def exported(alg: str, encoding: Encoding, form: Any = PKCS8, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    octets: bytes = a_key(alg)._material.private_bytes(encoding, form, encryption)
    return octets


def same(loaded: PrivateKey, alg: str) -> bool:
    return loaded.thumbprint == a_key(alg).thumbprint and loaded.alg == alg


@pytest.mark.spec("RFC 7468 10", "RFC 7468 11")
@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("password", [None, b"secret"], ids=["plain", "encrypted"])
def test_loads_pem_der_and_pkcs12(alg: str, password: bytes | None) -> None:
    assert same(PrivateKey.from_pem(exported(alg, Encoding.PEM, PKCS8, password), password=password), alg)
    assert same(PrivateKey.from_der(exported(alg, Encoding.DER, PKCS8, password), password=password), alg)
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    bundle = pkcs12.serialize_key_and_certificates(b"name", a_key(alg)._material, None, None, encryption)
    assert same(PrivateKey.from_pkcs12(bundle, password=password), alg)


@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_loads_traditional_forms(alg: str) -> None:
    assert same(PrivateKey.from_pem(exported(alg, Encoding.PEM, TRADITIONAL)), alg)
    assert same(PrivateKey.from_der(exported(alg, Encoding.DER, TRADITIONAL)), alg)


@pytest.mark.parametrize("alg", [*KEYS, "EdDSA", "RS256"])
def test_a_jwk_makes_the_round_trip_with_alg_and_kid(alg: str) -> None:
    key = a_key(alg)
    again = PrivateKey.from_jwk(key.to_private_jwk())
    assert (again.alg, again.kid, again.thumbprint) == (alg, key.kid, key.thumbprint)
    assert PrivateKey.from_pem(key.to_pem(), alg=alg, kid=key.kid).public_jwk == key.public_jwk
    assert again.public_key.verifier(alg)(signature_of(key, alg, b"x"), b"x")


def test_a_jwk_set_yields_the_named_key_or_the_only_one() -> None:
    one, two = a_key("ES256").to_private_jwk(), a_key("ES256", 1).to_private_jwk()
    assert PrivateKey.from_jwks({"keys": [one, two]}, two["kid"]).kid == two["kid"]
    assert PrivateKey.from_jwks({"keys": [one]}).kid == one["kid"]
    for jwks, kid in (
        ({"keys": [one, two]}, None),
        ({"keys": [one]}, "x"),
        ({"keys": "none"}, None),
        ({}, None),
    ):
        with pytest.raises(UnusableKey) as refused:
            PrivateKey.from_jwks(jwks, kid)
        assert refused.value.clause == "RFC 7517 5"


def mixed() -> dict[str, Any]:
    return {**a_key("ES256").to_private_jwk(), "x": a_key("ES256", 1).public_jwk["x"]}


ED = a_key("Ed25519").to_private_jwk()


@pytest.mark.spec("RFC 7517 4", "RFC 7517 4.1", "RFC 7517 4.2", "RFC 7518 6")
@pytest.mark.parametrize(
    "jwk, clause",
    [
        ({}, "RFC 7517 4.1"),
        (dict(a_key().public_jwk), "RFC 7517 4.1"),
        ({"kty": "oct", "k": "AA", "d": "AA"}, "RFC 7517 4.1"),
        (mixed(), "RFC 7518 6"),
        ({**ED, "x": a_key("Ed25519", 1).public_jwk["x"]}, "RFC 7518 6"),
        ({**ED, "d": "AA"}, "RFC 7518 6"),
        ({**ED, "d": 5}, "RFC 7518 6"),
        ({**ED, "alg": 5}, "RFC 7517 4"),
        ({**ED, "kid": 5}, "RFC 7517 4"),
        ({**ED, "use": "enc"}, "RFC 7517 4.2"),
        ({**ED, "key_ops": ["verify"]}, "RFC 7517 4.2"),
        ({**ED, "key_ops": "sign"}, "RFC 7517 4.2"),
        ({**ED, "alg": "ES256"}, "RFC 8725 3.1"),
    ],
)
def test_refuses_a_jwk(jwk: dict[str, Any], clause: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        PrivateKey.from_jwk(jwk)
    assert refused.value.clause == clause


@pytest.mark.parametrize("load", [PrivateKey.from_pem, PrivateKey.from_der, PrivateKey.from_pkcs12])
@pytest.mark.parametrize(
    "octets", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_refuses_what_is_no_key(load: Any, octets: bytes) -> None:
    with pytest.raises(UnusableKey) as refused:
        load(octets)
    assert refused.value.remedy == Remedy.FIX_CONFIGURATION, "the key is ours: no peer can mend it"


def test_pem_is_text_and_may_come_as_such() -> None:
    pem = exported("ES256", Encoding.PEM)
    assert same(PrivateKey.from_pem(pem.decode()), "ES256")
    with pytest.raises(UnusableKey, match="not a PEM"):
        PrivateKey.from_pem("no key, and not ASCII: ü")


@pytest.mark.parametrize("given", ["fintech.pem", Path("fintech.pem"), b"", None])
def test_tells_a_file_from_its_name(given: Any) -> None:
    with pytest.raises(UnusablePrivateKey, match="give the text of the file, not its name"):
        PrivateKey.from_pem(given)


def test_says_what_a_pem_holds_that_is_no_private_key() -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(UnusablePrivateKey, match="this PEM has a PUBLIC KEY"):
        PrivateKey.from_pem(pem)
    assert same(PrivateKey.from_pem(pem + exported("ES256", Encoding.PEM)), "ES256"), "one beside it is taken"


@pytest.mark.parametrize(
    "load, given, password",
    [
        (PrivateKey.from_der, "text", None),
        (PrivateKey.from_pem, exported("ES256", Encoding.PEM, PKCS8, b"right"), None),
        (PrivateKey.from_pem, exported("ES256", Encoding.PEM, PKCS8, b"right"), "right"),
        (PrivateKey.from_pem, exported("ES256", Encoding.PEM), b"one too many"),
    ],
)
def test_says_that_bytes_or_a_password_are_wanted(load: Any, given: Any, password: Any) -> None:
    with pytest.raises(UnusableKey, match="has none, or key or password is not bytes"):
        load(given, password=password)


@pytest.mark.parametrize("password", [None, b"wrong"])
def test_refuses_a_wrong_or_missing_password_and_does_not_show_it(password: bytes | None) -> None:
    pem = exported("ES256", Encoding.PEM, PKCS8, b"right")
    with pytest.raises(UnusableKey) as refused:
        PrivateKey.from_pem(pem, password=password)
    assert "wrong" not in str(refused.value).replace("not with this password", "")


@pytest.mark.spec("RFC 7518 3.1")
@pytest.mark.parametrize(
    "make",
    [
        ed448.Ed448PrivateKey.generate,
        x25519.X25519PrivateKey.generate,
        lambda: dsa.generate_private_key(1024),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: ec.generate_private_key(ec.SECP224R1()),
        lambda: rsa.generate_private_key(65537, 1024),
    ],
)
def test_refuses_kinds_and_sizes_that_do_not_sign_here(make: Any) -> None:
    pem = make().private_bytes(Encoding.PEM, PKCS8, NoEncryption())
    with pytest.raises(UnusablePrivateKey) as refused:
        PrivateKey.from_pem(pem)
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256K", "RSA-OAEP", ""])
def test_generates_for_known_algorithms_only(alg: str) -> None:
    with pytest.raises(UnusableKey):
        PrivateKey.generate(alg)


@pytest.mark.parametrize("alg, other", [("ES256", "ES384"), ("ES256", "PS256"), ("PS256", "ES256")])
def test_an_algorithm_must_fit_the_key(alg: str, other: str) -> None:
    with pytest.raises(UnusablePrivateKey):
        PrivateKey(a_key(alg)._material, alg=other)


def test_a_kid_defaults_to_the_thumbprint_and_so_is_stable() -> None:
    key = PrivateKey(a_key()._material)
    assert key.kid == key.thumbprint == PrivateKey.from_pem(key.to_pem()).kid


def test_is_a_signer_and_publishes_nothing_secret() -> None:
    for alg in KEYS:
        key = a_key(alg)
        assert isinstance(key, Signer)
        assert set(key.public_jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
        assert key.public_jwk["use"] == "sig"
        secret = key.to_private_jwk()["d"]
        assert secret not in repr(key)
        assert secret not in repr(key.public_jwk)


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_is_never_pickled_or_copied(duplicate: Any) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        duplicate(a_key())


@pytest.mark.spec("RFC 8725 3.2")
def test_ecdsa_signatures_hang_on_no_random_number() -> None:
    assert a_key().sign(b"x") == a_key().sign(b"x")


@pytest.mark.spec("FAPI2-SP 6.8")
def test_a_ring_publishes_the_next_key_before_it_signs_and_the_old_one_after() -> None:
    one, two, three = (a_key("ES256", number) for number in range(3))
    ring = KeyRing(one, next=two)
    assert [jwk["kid"] for jwk in ring.jwks()["keys"]] == [one.kid, two.kid]
    turned = ring.rotated(three)
    assert (turned.current, turned.next, turned.retired) == (two, three, (one,))
    assert [jwk["kid"] for jwk in turned.jwks()["keys"]] == [two.kid, three.kid, one.kid]
    assert KeyRing(one).rotated(two).retired == (one,)


@pytest.mark.spec("FAPI2-SP 5.4.2-3", "RFC 7517 4.5")
def test_a_ring_refuses_two_keys_of_one_name_and_one_key_of_two_names() -> None:
    twin = PrivateKey(a_key("ES256", 1)._material, kid=a_key("ES256", 0).kid)
    with pytest.raises(ConfigurationError) as refused:
        KeyRing(a_key("ES256", 0), next=twin)
    assert refused.value.clause == "RFC 7517 4.5"
    both = PrivateKey(a_key("PS256")._material, alg="RS256", kid="rs")
    with pytest.raises(ConfigurationError) as refused:
        KeyRing(a_key("PS256"), retired=(both,))
    assert refused.value.clause == "RFC 8725 3.1"


@pytest.mark.parametrize("end", ["\\n", "\\r\\n"])
def test_a_pem_out_of_an_environment_variable_has_its_line_ends_written_out(end: str) -> None:
    pem = a_key().to_pem().decode()
    assert same(PrivateKey.from_pem(pem.replace("\n", end)), "ES256")
    assert same(PrivateKey.from_pem(pem.replace("\n", end).encode()), "ES256")


@pytest.mark.parametrize("text", [str, str.encode])
def test_a_jwk_may_be_the_text_of_one(text: Any) -> None:
    jwk = a_key().to_private_jwk()
    assert same(PrivateKey.from_jwk(text(json.dumps(jwk))), "ES256")
    assert same(PrivateKey.from_jwks(text(json.dumps({"keys": [jwk]}))), "ES256")


@pytest.mark.parametrize("jwk", ["", "{", "[]", '"text"', b"\xff", 5, None, [], '{"kty":"EC","d":"secret"'])
@pytest.mark.parametrize("load", [PrivateKey.from_jwk, PrivateKey.from_jwks])
def test_what_is_no_jwk_is_said_to_be_none(load: Any, jwk: Any) -> None:
    with pytest.raises(UnusablePrivateKey) as refused:
        load(jwk)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
