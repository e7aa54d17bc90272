"""Public JWKs: each kind once as it should be, and every way of being no key, or a second spelling of one."""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fapikit.errors import FapiError, UnusableKey
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.public_key import import_public_jwk
from tests.keys import a_key, b64, roca_modulus, signature_of

EC_JWK = dict(a_key("ES256").public_jwk)
RSA_JWK = dict(a_key("PS256").public_jwk)
OKP_JWK = dict(a_key("Ed25519").public_jwk)
ORDER_8 = b64(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))
OTHER_ORDER_8 = b64(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
KINDS = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}


@pytest.mark.spec("RFC 7638 3")
@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "PS256", "Ed25519"])
def test_reads_a_key_as_another_library_does(alg: str) -> None:
    jwk = dict(a_key(alg).public_jwk)
    key = import_public_jwk(jwk)
    other: Any = KINDS[jwk["kty"]].import_key(jwk)
    assert key.thumbprint == other.thumbprint()
    assert key.material.public_numbers() == other.public_key.public_numbers() if alg != "Ed25519" else True
    assert (key.kid, key.alg, key.use) == (a_key(alg).kid, alg, "sig")


@pytest.mark.spec("RFC 7518 3.3", "RFC 7518 3.4", "RFC 7518 3.5")
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_verifies_what_was_signed_elsewhere(alg: str) -> None:
    key = a_key(alg)
    signature = signature_of(key, alg, b"octets")
    verify = key.public_key.verifier(alg)
    assert verify(signature, b"octets")
    assert not verify(signature, b"other octets")
    assert not verify(signature[:-1] + bytes([signature[-1] ^ 1]), b"octets")
    assert not verify(signature + b"\0", b"octets")
    assert not verify(b"", b"octets")


@pytest.mark.spec("RFC 7515 5.1", "RFC 7519 7.1")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_signs_what_is_verified_elsewhere(alg: str) -> None:
    from joserfc.jws import JWSRegistry, deserialize_compact

    from fapikit.flow import run_pure
    from fapikit.jose.purposes import ID_TOKEN
    from fapikit.jose.sign import sign_jwt

    token = run_pure(sign_jwt({"sub": "alice"}, ID_TOKEN, a_key(alg)))
    jwk = {k: v for k, v in a_key(alg).public_jwk.items() if k != "alg"}
    other: Any = KINDS[jwk["kty"]].import_key(jwk)
    read = deserialize_compact(token, other, registry=JWSRegistry(algorithms=[alg]))
    assert json.loads(read.payload) == {"sub": "alice"}


@pytest.mark.spec("RFC 8725 3.1")
def test_one_key_serves_one_algorithm() -> None:
    rsa_key = import_public_jwk({**RSA_JWK, "alg": "PS256"})
    assert rsa_key.supports("PS256")
    for alg in ("RS256", "PS384", "ES256", "HS256", "none", "EdDSA"):
        assert not rsa_key.supports(alg)
        with pytest.raises(UnusableKey) as refused:
            rsa_key.verifier(alg)
        assert refused.value.clause == "RFC 8725 3.1"
    assert not import_public_jwk(EC_JWK).supports("ES384")
    assert import_public_jwk(OKP_JWK).supports("EdDSA")


@pytest.mark.parametrize(
    "member", [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": []}, {"use": ""}, {"alg": "ECDH-ES"}]
)
def test_a_key_for_other_work_verifies_nothing(member: dict[str, Any]) -> None:
    assert not import_public_jwk({**EC_JWK, **member}).supports("ES256")


def test_a_key_that_may_verify_does() -> None:
    assert import_public_jwk({**EC_JWK, "key_ops": ["sign", "verify"], "use": "sig"}).supports("ES256")


@pytest.mark.spec("RFC 8725 3.1")
def test_a_key_of_two_names_of_one_algorithm_serves_no_third() -> None:
    for own, serves in (("EdDSA", True), ("Ed25519", True), ("ES256", False), ("Ed448", False), ("", False)):
        key = import_public_jwk({**OKP_JWK, "alg": own})
        assert (key.supports("EdDSA"), key.supports("Ed25519")) == (serves, serves), own


def _off_curve() -> str:
    y = urlsafe_b64decode(EC_JWK["y"] + "=")
    return b64(y[:-1] + bytes([y[-1] ^ 1]))


def _divided_elsewhere() -> dict[str, str]:
    x, y = (urlsafe_b64decode(EC_JWK[name] + "=") for name in "xy")
    return {"x": b64(x[:-1]), "y": b64(x[-1:] + y)}


def _rsa_jwk(bits: int = 2048, e: int = 65537, zeros: int = 0) -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers() if bits != 2048 else None
    n = numbers.n if numbers else a_key("PS256")._material.public_key().public_numbers().n
    octets = bytes(zeros) + n.to_bytes(n.bit_length() // 8 + 1, "big").lstrip(b"\0")
    return {
        "kty": "RSA",
        "n": b64(octets),
        "e": b64(e.to_bytes(e.bit_length() // 8 + 1, "big").lstrip(b"\0")),
    }


BAD: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "no kty": (lambda: {k: v for k, v in EC_JWK.items() if k != "kty"}, "RFC 7517 4.1"),
    "kty oct": (lambda: {"kty": "oct"}, "RFC 7517 4.1"),
    "kty AKP": (lambda: {"kty": "AKP", "pub": "AA"}, "RFC 7517 4.1"),
    "kty a list": (lambda: {**EC_JWK, "kty": ["EC"]}, "RFC 7517 4.1"),
    "private EC": (lambda: {**EC_JWK, "d": "AA"}, "RFC 7517 9.2"),
    "private null": (lambda: {**EC_JWK, "d": None}, "RFC 7517 9.2"),
    "private RSA prime": (lambda: {**RSA_JWK, "p": "AA"}, "RFC 7517 9.2"),
    "secret": (lambda: {"kty": "oct", "k": "AA"}, "RFC 7517 9.2"),
    "crv absent": (lambda: {**EC_JWK, "crv": None}, "RFC 7518 6"),
    "crv secp256k1": (lambda: {**EC_JWK, "crv": "secp256k1"}, "RFC 7518 6.2.1.1"),
    "crv P-192": (lambda: {**EC_JWK, "crv": "P-192"}, "RFC 7518 6.2.1.1"),
    "crv of other size": (lambda: {**EC_JWK, "crv": "P-384"}, "RFC 8725 3.4"),
    "crv of another kind": (lambda: {**OKP_JWK, "crv": "P-256"}, "RFC 8037 2"),
    "crv of no EC": (lambda: {**EC_JWK, "crv": "Ed25519"}, "RFC 7518 6.2.1.1"),
    "crv X25519": (lambda: {**OKP_JWK, "crv": "X25519"}, "RFC 8037 2"),
    "crv Ed448": (lambda: {**OKP_JWK, "crv": "Ed448"}, "RFC 8037 2"),
    "x absent": (lambda: {**EC_JWK, "x": None}, "RFC 7518 6"),
    "x a number": (lambda: {**EC_JWK, "x": 5}, "RFC 7518 6"),
    "x with padding": (lambda: {**EC_JWK, "x": EC_JWK["x"] + "="}, "RFC 8725 3.4"),
    "x with junk": (lambda: {**EC_JWK, "x": "!" + EC_JWK["x"]}, "RFC 8725 3.4"),
    "x with leading zero": (
        lambda: {**EC_JWK, "x": b64(b"\0" + urlsafe_b64decode(EC_JWK["x"] + "="))},
        "RFC 8725 3.4",
    ),
    "x and y divided elsewhere": (lambda: {**EC_JWK, **_divided_elsewhere()}, "RFC 8725 3.4"),
    "y with leading zero": (
        lambda: {**EC_JWK, "y": b64(b"\0" + urlsafe_b64decode(EC_JWK["y"] + "="))},
        "RFC 8725 3.4",
    ),
    "x zero, y zero": (lambda: {**EC_JWK, "x": b64(bytes(32)), "y": b64(bytes(32))}, "RFC 8725 3.4"),
    "off the curve": (lambda: {**EC_JWK, "y": _off_curve()}, "RFC 8725 3.4"),
    "Ed25519 short": (lambda: {**OKP_JWK, "x": b64(bytes(31))}, "RFC 8725 3.4"),
    "Ed25519 neutral": (lambda: {**OKP_JWK, "x": b64(b"\1" + bytes(31))}, "RFC 8725 3.4"),
    "Ed25519 of order 2": (lambda: {**OKP_JWK, "x": b64(b"\xec" + b"\xff" * 30 + b"\x7f")}, "RFC 8725 3.4"),
    "Ed25519 of order 4": (lambda: {**OKP_JWK, "x": b64(bytes(32))}, "RFC 8725 3.4"),
    "Ed25519 of order 4, negative": (lambda: {**OKP_JWK, "x": b64(bytes(31) + b"\x80")}, "RFC 8725 3.4"),
    "Ed25519 of order 4, spelled p": (
        lambda: {**OKP_JWK, "x": b64(b"\xed" + b"\xff" * 30 + b"\x7f")},
        "RFC 8725 3.4",
    ),
    "Ed25519 of order 8": (lambda: {**OKP_JWK, "x": ORDER_8}, "RFC 8725 3.4"),
    "Ed25519 of order 8, the other": (lambda: {**OKP_JWK, "x": OTHER_ORDER_8}, "RFC 8725 3.4"),
    "Ed25519 beyond its field": (
        lambda: {**OKP_JWK, "x": b64(b"\xf0" + b"\xff" * 30 + b"\x7f")},  # y = 3, spelled y + p
        "RFC 8725 3.4",
    ),
    "RSA 1024": (lambda: _rsa_jwk(1024), "FAPI2-SP 5.4.1-2"),
    "RSA 2047": (lambda: {**_rsa_jwk(), "n": b64(b"\x7f" + b"\xff" * 255)}, "FAPI2-SP 5.4.1-2"),
    "RSA 16384": (lambda: {**_rsa_jwk(), "n": b64(b"\xff" * 2048)}, "RFC 7518 6"),
    "RSA 8200": (lambda: {**_rsa_jwk(), "n": b64(b"\xff" * 1025)}, "FAPI2-SP 5.4.1-2"),
    "RSA e 1": (lambda: _rsa_jwk(e=1), "RFC 8725 3.4"),
    "RSA e even": (lambda: _rsa_jwk(e=65536), "RFC 8725 3.4"),
    "RSA e long": (lambda: _rsa_jwk(e=2**64 + 1), "RFC 8725 3.4"),
    "RSA n leading zero": (lambda: _rsa_jwk(zeros=1), "RFC 8725 3.4"),
    "RSA of the broken generator": (
        lambda: {**_rsa_jwk(), "n": b64(roca_modulus().to_bytes(256, "big"))},
        "RFC 8725 3.5",
    ),
    "RSA n empty": (lambda: {**_rsa_jwk(), "n": ""}, "RFC 8725 3.4"),
    "kid a number": (lambda: {**EC_JWK, "kid": 1}, "RFC 7517 4"),
    "alg a list": (lambda: {**EC_JWK, "alg": ["ES256"]}, "RFC 7517 4"),
    "use a list": (lambda: {**EC_JWK, "use": ["sig"]}, "RFC 7517 4"),
    "key_ops a string": (lambda: {**EC_JWK, "key_ops": "verify"}, "RFC 7517 4.3"),
    "key_ops of numbers": (lambda: {**EC_JWK, "key_ops": [1]}, "RFC 7517 4.3"),
}


@pytest.mark.spec(
    "RFC 7517 4.1",
    "RFC 7517 4.3",
    "RFC 7518 2",
    "RFC 7518 6",
    "RFC 7518 6.2.1.1",
    "RFC 8037 2",
    "RFC 8725 3.4",
    "RFC 8725 3.5",
    "FAPI2-SP 5.4.1-2",
    "FAPI2-SP 5.4.1-3",
    "FAPI1-BL 5.2.2-5, -6",
    "FAPI1-BL 5.2.4-2, -3",
    "RFC 7517 9.2",
)
@pytest.mark.parametrize("name", BAD)
def test_refuses(name: str) -> None:
    make, clause = BAD[name]
    with pytest.raises(UnusableKey) as refused:
        import_public_jwk(make())
    assert refused.value.clause == clause


@pytest.mark.spec("RFC 7638 3.2")
def test_a_thumbprint_takes_the_required_members_only() -> None:
    plain = {k: v for k, v in EC_JWK.items() if k in ("kty", "crv", "x", "y")}
    decorated = {"zzz": 1, "x5c": ["AA"], **dict(reversed(EC_JWK.items())), "kid": "other"}
    assert import_public_jwk(plain).thumbprint == import_public_jwk(decorated).thumbprint


JSON = st.none() | st.integers() | st.text(max_size=8) | st.just([]) | st.just({}) | st.just(["verify", 1])
NAMES = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid", "key_ops"])


@given(st.sampled_from([EC_JWK, RSA_JWK, OKP_JWK]), st.dictionaries(NAMES, JSON, max_size=4))
def test_only_typed_errors_come_out(jwk: dict[str, Any], changes: dict[str, Any]) -> None:
    with contextlib.suppress(FapiError):
        import_public_jwk({**jwk, **changes})


def test_its_repr_keeps_a_kid_on_one_line() -> None:
    assert "\n" not in repr(import_public_jwk({**EC_JWK, "kid": "a\nb"}))


def test_p521_coordinates_keep_their_leading_zeros() -> None:
    for number in range(40):  # about one point in two has a leading zero octet in x: 521 bits in 66 octets
        numbers = ec.derive_private_key(number + 1, ec.SECP521R1()).public_key().public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-521",
            "x": b64(numbers.x.to_bytes(66, "big")),
            "y": b64(numbers.y.to_bytes(66, "big")),
        }
        assert import_public_jwk(jwk).thumbprint == ECKey.import_key(jwk).thumbprint()


def test_a_key_that_names_no_algorithm_serves_its_own_kind_and_curve_only() -> None:
    free = import_public_jwk({name: value for name, value in EC_JWK.items() if name != "alg"})
    assert [alg for alg in [*ALGORITHMS, "HS256", "none", "unknown"] if free.supports(alg)] == ["ES256"]
    okp = import_public_jwk({name: value for name, value in OKP_JWK.items() if name != "alg"})
    assert {alg for alg in ALGORITHMS if okp.supports(alg)} == {"EdDSA", "Ed25519"}
