"""Encrypted JWTs: every pair of algorithms opens what was sealed by hand, and each single change is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fapikit.errors import (
    AmbiguousKey,
    BadSignature,
    ConfigurationError,
    DecryptionFailed,
    DuplicateMember,
    ForbiddenAlgorithm,
    JwtError,
    JwtTooLarge,
    KeyNotFound,
    MalformedJwt,
    NotEncrypted,
    UnknownCritical,
    UnusableKey,
)
from fapikit.flow import run_pure
from fapikit.jose.claims import Expected
from fapikit.jose.encryption import (
    CONTENT_ENCRYPTION,
    Decryption,
    decrypt_jwt,
    encrypt_jwt,
    is_encrypted,
    unwrap_jwt,
)
from fapikit.jose.encryption_keys import KEY_MANAGEMENT, DecryptionKey, EncryptionKey
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import (
    ACCESS_TOKEN,
    ID_TOKEN,
    INTROSPECTION_RESPONSE,
    JARM_RESPONSE,
    LOGOUT_TOKEN,
    REQUEST_OBJECT,
    USERINFO_RESPONSE,
    Purpose,
)
from fapikit.jose.verify import VerifiedJwt, verify_jwt
from tests.clocks import NOW
from tests.keys import a_key, b64, mint, roca_modulus, unb64
from tests.sealing import RSA_PEM, a_decryption_key, seal

AS = "https://as.example"
CLAIMS = {"iss": AS, "sub": "alice", "aud": "app", "iat": int(NOW), "exp": int(NOW) + 300}
KEY = a_decryption_key("ECDH-ES+A256KW")
OPENS = Decryption(keys=(KEY,))


def inner() -> str:
    return mint(CLAIMS, a_key())


def verify(token: str, decryption: Decryption | None = OPENS, *, number: int = 0) -> VerifiedJwt:
    keys = KeySet([a_key("ES256", number).public_key])
    expected = Expected(issuer=AS, audience=("app",), now=NOW)
    return run_pure(
        verify_jwt(
            token, ID_TOKEN, keys=keys, algorithms=("ES256",), expected=expected, decryption=decryption
        )
    )


PAIRS = [(alg, "P-256") for alg in KEY_MANAGEMENT] + [
    ("ECDH-ES", crv) for crv in ("P-384", "P-521", "X25519")
]
PAIRS += [("ECDH-ES+A128KW", "X25519")]


@pytest.mark.spec(
    "RFC 7516 5.1",
    "RFC 7518 4.1",
    "RFC 7518 4.3",
    "RFC 7518 4.6",
    "RFC 7516 5.2",
    "RFC 7518 4",
    "RFC 8037 3.2",
)
@pytest.mark.parametrize("enc", CONTENT_ENCRYPTION)
@pytest.mark.parametrize("alg, crv", PAIRS)
def test_opens_what_was_sealed_by_hand_and_what_it_sealed_itself(alg: str, crv: str, enc: str) -> None:
    key, signed = a_decryption_key(alg, crv), inner()
    decryption = Decryption(keys=(key,))
    assert verify(seal(signed, key, enc), decryption).claims["sub"] == "alice"
    sealed = encrypt_jwt(signed, EncryptionKey.from_jwk(key.public_jwk), enc=enc)
    assert is_encrypted(sealed)
    verified = verify(sealed, decryption)
    assert verified.token == signed, "the signature can be shown to others without the decryption key"


def corrupted(part: int) -> str:
    parts = seal(inner(), KEY).split(".")
    octets = bytearray(unb64(parts[part]))
    octets[0] ^= 1
    parts[part] = b64(bytes(octets))
    return ".".join(parts)


def head(members: bytes) -> str:
    return ".".join([b64(members), *seal(inner(), KEY).split(".")[1:]])


OTHER = a_decryption_key("ECDH-ES+A256KW", kid="enc")
EPK = {"kty": "EC", **{k: KEY.public_jwk[k] for k in ("crv", "x", "y")}}
REFUSED: dict[str, tuple[Callable[[], str], type[JwtError], str]] = {
    "four parts": (lambda: seal(inner(), KEY).rpartition(".")[0], NotEncrypted, "OIDC 3.1.3.7-1"),
    "signed only": (inner, NotEncrypted, "OIDC 3.1.3.7-1"),
    "six parts": (lambda: seal(inner(), KEY) + ".", NotEncrypted, "OIDC 3.1.3.7-1"),
    "too long": (lambda: seal("x" * 40_000, KEY), JwtTooLarge, "RFC 7515 5.2"),
    "header too long": (lambda: seal(inner(), KEY, pad="x" * 5000), JwtTooLarge, "RFC 7515 5.2"),
    "not ASCII": (lambda: seal(inner(), KEY) + "é", MalformedJwt, "RFC 7515 5.2"),
    "padding": (lambda: seal(inner(), KEY) + "=", MalformedJwt, "RFC 7515 5.2"),
    "header no JSON": (lambda: head(b"{"), MalformedJwt, "RFC 7515 5.2"),
    "member twice": (lambda: head(b'{"alg":"RSA1_5","alg":"ECDH-ES"}'), DuplicateMember, "RFC 7515 4"),
    "no alg": (lambda: seal(inner(), KEY, alg=None), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "RSA1_5": (lambda: seal(inner(), KEY, alg="RSA1_5"), ForbiddenAlgorithm, "FAPI1-ADV 8.6.1-1"),
    "dir": (lambda: seal(inner(), KEY, alg="dir"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "PBES2": (
        lambda: seal(inner(), KEY, alg="PBES2-HS256+A128KW", p2c=10**9),
        ForbiddenAlgorithm,
        "RFC 8725 3.1",
    ),
    "A128KW": (lambda: seal(inner(), KEY, alg="A128KW"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg a list": (lambda: seal(inner(), KEY, alg=["ECDH-ES"]), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg of another key": (lambda: seal(inner(), KEY, alg="ECDH-ES"), KeyNotFound, "RFC 7516 5.2"),
    "enc unknown": (
        lambda: head(b'{"alg":"ECDH-ES+A256KW","enc":"A192GCM"}'),
        ForbiddenAlgorithm,
        "RFC 8725 3.1",
    ),
    "zip": (lambda: seal(inner(), KEY, zip="DEF"), UnknownCritical, "RFC 7515 4.1.11"),
    "crit": (lambda: seal(inner(), KEY, crit=["x"], x=1), UnknownCritical, "RFC 7515 4.1.11"),
    "iterations": (lambda: seal(inner(), KEY, p2c=10**9), UnknownCritical, "RFC 7515 4.1.11"),
    "cty JSON": (lambda: seal(inner(), KEY, cty="json"), MalformedJwt, "RFC 7519 5.2"),
    "cty a number": (lambda: seal(inner(), KEY, cty=5), MalformedJwt, "RFC 7519 5.2"),
    "kid unknown": (lambda: seal(inner(), KEY, kid="other"), KeyNotFound, "RFC 7516 5.2"),
    "kid a number": (lambda: seal(inner(), KEY, kid=1), MalformedJwt, "RFC 7515 5.2"),
    "for another key": (lambda: seal(inner(), OTHER), DecryptionFailed, "RFC 7516 5.2"),
    "wrapped key altered": (lambda: corrupted(1), DecryptionFailed, "RFC 7516 5.2"),
    "iv altered": (lambda: corrupted(2), DecryptionFailed, "RFC 7516 5.2"),
    "ciphertext altered": (lambda: corrupted(3), DecryptionFailed, "RFC 7516 5.2"),
    "tag altered": (lambda: corrupted(4), DecryptionFailed, "RFC 7516 5.2"),
    "header altered": (lambda: seal(inner(), KEY, apu="QQ"), DecryptionFailed, "RFC 7516 5.2"),
    "no epk": (lambda: seal(inner(), KEY, epk=None), MalformedJwt, "RFC 7518 4.6.1.1"),
    "epk a string": (lambda: seal(inner(), KEY, epk="x"), MalformedJwt, "RFC 7518 4.6.1.1"),
    "epk private": (lambda: seal(inner(), KEY, epk={**EPK, "d": "AA"}), MalformedJwt, "RFC 7518 4.6.1.1"),
    "epk on another curve": (
        lambda: seal(inner(), KEY, epk={**EPK, "crv": "P-384"}),
        MalformedJwt,
        "RFC 7518 4.6.1.1",
    ),
    "epk off the curve": (
        lambda: seal(inner(), KEY, epk={**EPK, "y": EPK["x"]}),
        DecryptionFailed,
        "RFC 7516 5.2",
    ),
    "epk not base64": (lambda: seal(inner(), KEY, epk={**EPK, "y": 5}), DecryptionFailed, "RFC 7516 5.2"),
    "not text inside": (lambda: seal("é", KEY), DecryptionFailed, "RFC 7516 5.2"),
    "no JWT inside": (lambda: seal("hello", KEY), MalformedJwt, "RFC 7515 5.2"),
    "another JWE inside": (lambda: seal(seal(inner(), KEY), KEY), MalformedJwt, "RFC 7515 5.2"),
    "unsigned inside": (
        lambda: seal(mint(CLAIMS, header={"alg": "none"}), KEY),
        ForbiddenAlgorithm,
        "RFC 8725 3.1",
    ),
    "badly signed inside": (
        lambda: seal(mint(CLAIMS, a_key("ES256", 1), header={"kid": a_key().kid}), KEY),
        BadSignature,
        "OIDC 3.1.3.7-6",
    ),
}


@pytest.mark.spec(
    "RFC 7518 4.6.1.1", "RFC 7519 5.2", "RFC 8725 3.3", "RFC 8725 3.6", "FAPI1-ADV 8.6.1-1", "OIDC 3.1.3.7-1"
)
@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    make, error, clause = REFUSED[name]
    with pytest.raises(error) as refused:
        verify(make())
    assert (type(refused.value), refused.value.clause) == (error, clause)


CLEAR = [
    (ACCESS_TOKEN, "RFC 9068 4-2"),
    (ID_TOKEN, "OIDC 3.1.3.7-1"),
    (INTROSPECTION_RESPONSE, "RFC 9701 6"),
    (JARM_RESPONSE, "JARM 2.4-1"),
    (LOGOUT_TOKEN, "OIDC Back-Channel Logout 2.6"),
    (REQUEST_OBJECT, "RFC 9101 6.1"),
    (USERINFO_RESPONSE, "OIDC 5.3.4"),
]


@pytest.mark.spec("RFC 9068 4-2", "OIDC 3.1.3.7-1", "RFC 9701 6", "JARM 2.4-1", "OIDC 5.3.4")
@pytest.mark.parametrize(("purpose", "clause"), CLEAR, ids=[purpose.name for purpose, _ in CLEAR])
def test_each_kind_in_the_clear_breaks_a_clause_of_its_own(purpose: Purpose, clause: str) -> None:
    with pytest.raises(NotEncrypted) as refused:
        unwrap_jwt(inner(), purpose, OPENS)
    assert refused.value.clause == clause


def test_an_error_carries_the_code_of_the_purpose() -> None:
    with pytest.raises(DecryptionFailed) as refused:
        decrypt_jwt(corrupted(3), REQUEST_OBJECT, OPENS)
    assert refused.value.code == "invalid_request_object"


def test_a_clear_jwt_passes_only_where_encryption_is_not_required() -> None:
    assert verify(inner(), Decryption(keys=(KEY,), required=False)).claims["sub"] == "alice"
    assert verify(inner(), None).claims["sub"] == "alice"
    with pytest.raises(MalformedJwt):
        verify(seal(inner(), KEY), None)


def test_keys_are_chosen_by_kid_and_algorithm_and_a_tie_is_refused() -> None:
    keys = (KEY, a_decryption_key("ECDH-ES+A256KW", kid="two"), a_decryption_key("ECDH-ES", kid="enc"))
    both = Decryption(keys=keys)
    for key in keys:
        assert verify(seal(inner(), key), both).claims["sub"] == "alice"
    with pytest.raises(AmbiguousKey):
        verify(seal(inner(), KEY, kid=None), both)
    assert verify(seal(inner(), keys[2], kid=None), both).claims["sub"] == "alice"


def test_content_encryption_can_be_narrowed_and_not_widened() -> None:
    narrow = Decryption(keys=(KEY,), content_encryption=("A256GCM",))
    with pytest.raises(ForbiddenAlgorithm):
        verify(seal(inner(), KEY, "A128GCM"), narrow)
    for settings in ({"keys": ()}, {"keys": (KEY,), "content_encryption": ("A192GCM",)}):
        with pytest.raises(ConfigurationError):
            Decryption(**settings)
    with pytest.raises(ConfigurationError):
        encrypt_jwt(inner(), KEY, enc="A192GCM")


EC_PUBLIC = dict(KEY.public_jwk)


@pytest.mark.parametrize(
    "jwk, alg, clause",
    [
        ({**EC_PUBLIC, "use": "sig"}, None, "RFC 7517 4.2"),
        ({**EC_PUBLIC, "alg": None}, None, "RFC 8725 3.1"),
        (EC_PUBLIC, "ECDH-ES", "RFC 8725 3.1"),
        ({**EC_PUBLIC, "alg": "RSA1_5"}, None, "RFC 8725 3.1"),
        ({**EC_PUBLIC, "alg": "RSA-OAEP"}, None, "RFC 8725 3.1"),
        ({**EC_PUBLIC, "kid": 5}, None, "RFC 7517 4"),
        ({**EC_PUBLIC, "y": EC_PUBLIC["x"]}, None, "RFC 8725 3.4"),
        ({**EC_PUBLIC, "kty": "oct"}, None, "RFC 7517 4.1"),
        ({"kty": "OKP", "crv": "Ed25519", "x": a_key("Ed25519").public_jwk["x"]}, "ECDH-ES", "RFC 8725 3.1"),
    ],
)
def test_refuses_a_key(jwk: dict[str, Any], alg: str | None, clause: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        EncryptionKey.from_jwk(jwk, alg=alg)
    assert refused.value.clause == clause


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_weak_rsa_key_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    pem = weak.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(UnusableKey) as refused:
        DecryptionKey.from_pem(pem, alg="RSA-OAEP-256")
    assert refused.value.clause == "FAPI2-SP 5.4.1-2"


@pytest.mark.spec("RFC 8725 3.5")
def test_an_rsa_key_of_the_broken_generator_is_refused() -> None:
    n = b64(roca_modulus().to_bytes(256, "big"))
    with pytest.raises(UnusableKey) as refused:
        EncryptionKey.from_jwk({"kty": "RSA", "n": n, "e": "AQAB"}, alg="RSA-OAEP-256")
    assert refused.value.clause == "RFC 8725 3.5"


def test_a_peers_set_yields_its_encryption_key() -> None:
    signing = dict(a_key().public_jwk)
    jwks = {"keys": ["text", signing, {**EC_PUBLIC, "crv": "P-999"}, EC_PUBLIC]}
    assert EncryptionKey.from_jwks(jwks, "ECDH-ES+A256KW").kid == "enc"
    for other in ({"keys": [signing]}, {}, {"keys": None}):
        with pytest.raises(UnusableKey):
            EncryptionKey.from_jwks(other, "ECDH-ES+A256KW")


def test_private_keys_show_nothing_and_make_the_round_trip() -> None:
    for key in (KEY, a_decryption_key("RSA-OAEP-256"), a_decryption_key("ECDH-ES", "X25519")):
        private = key.to_private_jwk()
        again = DecryptionKey.from_jwk(private)
        assert again.public_jwk == key.public_jwk
        assert private["d"] not in repr(key)
        assert set(key.public_jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
        with pytest.raises(TypeError):
            pickle.dumps(key)
    assert DecryptionKey.generate("ECDH-ES").kid
    with pytest.raises(UnusableKey):
        DecryptionKey.from_jwk(KEY.public_jwk)
    with pytest.raises(UnusableKey):
        DecryptionKey.from_pem(b"no key", alg="ECDH-ES")
    assert DecryptionKey.from_pem(RSA_PEM.decode(), alg="RSA-OAEP-256").public_jwk["kty"] == "RSA"
    with pytest.raises(UnusableKey):
        DecryptionKey.generate("ECDH-ES", crv="secp256k1")


def test_size_and_parts_are_judged_before_anything_is_decoded() -> None:
    with pytest.raises(JwtTooLarge):
        decrypt_jwt("A" * 200_000, ID_TOKEN, OPENS)
    for token in ("A.A.A", "A.A.A.A.A.A", ""):
        with pytest.raises(MalformedJwt, match="five parts"):
            decrypt_jwt(token, ID_TOKEN, OPENS)


def test_an_enc_that_is_no_string_is_refused_whatever_holds_the_allowed_ones() -> None:
    allowed = Decryption(keys=(KEY,), content_encryption=frozenset(CONTENT_ENCRYPTION))
    with pytest.raises(ForbiddenAlgorithm):
        decrypt_jwt(head(b'{"alg":"ECDH-ES+A256KW","enc":["A256GCM"]}'), ID_TOKEN, allowed)
