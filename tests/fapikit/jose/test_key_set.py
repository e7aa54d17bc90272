"""Choosing a key: by kid, then kty, use, alg and crv; a true tie is refused."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fapikit.errors import AmbiguousKey, KeyNotFound, UnusableKey
from fapikit.jose.key_set import MAX_KEYS, KeySet
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ID_TOKEN
from tests.keys import a_key, b64, unb64


def jwk(kind: str = "ES256", number: int = 0, **members: Any) -> dict[str, Any]:
    changed = {**a_key(kind, number).public_jwk, **members}
    return {name: value for name, value in changed.items() if value is not None}


def select(members: list[dict[str, Any]], alg: str, kid: str | None) -> str:
    return KeySet.from_jwks({"keys": members}).select(alg, kid, ID_TOKEN).thumbprint


def test_finds_by_kid() -> None:
    members = [jwk(kid="a"), jwk(number=1, kid="b")]
    assert select(members, "ES256", "b") == a_key("ES256", 1).thumbprint


@pytest.mark.spec("FAPI2-SP 5.4.3", "FAPI1-ADV 8.11")
def test_one_kid_on_several_keys_is_resolved_by_kind_use_alg_and_curve() -> None:
    members = [
        jwk("ES256", kid="k"),
        jwk("PS256", kid="k"),
        jwk("ES384", kid="k"),
        jwk("Ed25519", kid="k"),
        jwk("ES256", 1, kid="k", use="enc"),
        jwk("ES256", 2, kid="k", alg="ECDH-ES"),
        jwk("RS256", 1, kid="k"),
    ]
    assert select(members, "ES256", "k") == a_key("ES256").thumbprint
    assert select(members, "ES384", "k") == a_key("ES384").thumbprint
    assert select(members, "PS256", "k") == a_key("PS256").thumbprint
    assert select(members, "EdDSA", "k") == a_key("Ed25519").thumbprint
    assert select(members, "RS256", "k") == a_key("RS256", 1).thumbprint


@pytest.mark.spec("FAPI2-SP 5.4.3")
@pytest.mark.parametrize("kid", ["k", None])
def test_a_tie_is_refused(kid: str | None) -> None:
    with pytest.raises(AmbiguousKey):
        select([jwk(kid="k"), jwk(number=1, kid="k")], "ES256", kid)


def test_the_same_key_twice_is_no_tie() -> None:
    assert select([jwk(kid="k"), jwk(kid="k", use=None)], "ES256", "k") == a_key().thumbprint


def test_without_kid_the_only_key_of_the_kind_is_taken() -> None:
    assert select([jwk(kid="a"), jwk("PS256", kid="b")], "PS256", None) == a_key("PS256").thumbprint


def test_a_kid_is_never_ignored() -> None:
    with pytest.raises(KeyNotFound):
        select([jwk(kid=None)], "ES256", "a")


@pytest.mark.spec("RFC 7517 5")
def test_members_that_cannot_be_used_are_skipped() -> None:
    odd: list[Any] = [
        {},
        {"kty": "oct", "k": "AA"},
        {"kty": "AKP"},
        "text",
        None,
        jwk(kid=5),
        jwk(d="AA"),
        {**jwk(), "x": "!"},
    ]
    keys = KeySet.from_jwks({"keys": [*odd, jwk(kid="good")]})
    assert [key.kid for key in keys.keys] == ["good"]
    assert len(keys) == 1


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": {}}, {"keys": [{}] * (MAX_KEYS + 1)}])
def test_refuses_what_is_no_key_set(jwks: dict[str, Any]) -> None:
    with pytest.raises(UnusableKey) as refused:
        KeySet.from_jwks(jwks)
    assert refused.value.clause == "RFC 7517 5"


def test_a_key_without_alg_serves_what_its_kind_can() -> None:
    key = import_public_jwk(jwk("PS256", alg=None, kid="k"))
    assert {alg for alg in ("PS256", "RS512", "ES256") if key.supports(alg)} == {"PS256", "RS512"}


# --- How keys are spelt ---------------------------------------------------------------------------


def numbers(kind: str, **changes: Any) -> dict[str, Any]:
    return jwk(
        kind, kid="k", **{name: change(a_key(kind).public_jwk[name]) for name, change in changes.items()}
    )


def leading_zero(text: str) -> str:
    return b64(b"\0" + unb64(text))


def stripped(text: str) -> str:
    return b64(unb64(text).lstrip(b"\0"))


def padded_standard(text: str) -> str:
    return base64.b64encode(unb64(text)).decode()


def short_coordinate() -> dict[str, Any]:
    """A P-256 key whose x begins with a zero octet, which some write one octet shorter."""
    for number in range(1, 5000):
        point = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()
        if point.x < 2**248:
            y = b64(point.y.to_bytes(32, "big"))
            return {
                "kty": "EC",
                "crv": "P-256",
                "x": stripped(b64(point.x.to_bytes(32, "big"))),
                "y": y,
                "kid": "k",
            }
    raise AssertionError("one of 256 does")


RESPELT: dict[str, tuple[str, dict[str, Any]]] = {
    "a modulus with a leading zero octet": ("PS256", numbers("PS256", n=leading_zero)),
    "a modulus in padded standard base64": ("PS256", numbers("PS256", n=padded_standard)),
    "an exponent of four octets": ("PS256", numbers("PS256", e=lambda _: "AAEAAQ")),
    "coordinates with padding": ("ES256", numbers("ES256", x=padded_standard, y=padded_standard)),
    "a coordinate of 33 octets": ("ES256", numbers("ES256", x=leading_zero)),
    "a coordinate without its leading zero": ("ES256", short_coordinate()),
    "an Ed25519 key with padding": ("Ed25519", numbers("Ed25519", x=padded_standard)),
    "use in capitals": ("ES256", jwk(kid="k", use="SIG")),
    "use empty": ("ES256", jwk(kid="k", use="")),
    "key_ops as text": ("ES256", jwk(kid="k", key_ops="verify")),
    "alg and kid of other keys null": ("ES256", {**jwk(kid="k"), "alg": None, "x5c": None}),
}


@pytest.mark.spec("RFC 7518 6.3.1")
@pytest.mark.parametrize("what", RESPELT)
def test_a_key_that_can_be_read_in_one_way_only_is_read(what: str, caplog: pytest.LogCaptureFixture) -> None:
    alg, member = RESPELT[what]
    with caplog.at_level(logging.INFO, "fapikit.peer"):
        keys = KeySet.from_jwks({"keys": [member]}, source="https://as.example/jwks")
    key = keys.select(alg, "k", ID_TOKEN)
    if "coordinate without" not in what:
        assert key.thumbprint == a_key(alg).thumbprint, "it is the same key, under its one thumbprint"
    spelt = "null" in what
    assert ("https://as.example/jwks: the key 'k' is not encoded" in caplog.text) is not spelt


NOT_RESPELT: dict[str, dict[str, Any]] = {
    "a number with other characters": numbers("PS256", n=lambda text: text + "!"),
    "an Ed25519 key with a zero octet more": numbers("Ed25519", x=leading_zero),
    "a coordinate that is too long": numbers("ES256", x=lambda text: b64(b"\1" + unb64(text))),
    "a point off its curve": numbers("ES256", x=lambda text: b64(b"\1" * 32)),
    "a modulus of 1024 bits": numbers("PS256", n=lambda _: b64(b"\0" + b"\xc1" * 128)),
    "a private key": {**a_key().to_private_jwk(), "kid": "k"},
}


@pytest.mark.parametrize("what", NOT_RESPELT)
def test_what_is_another_key_or_none_stays_refused(what: str) -> None:
    assert KeySet.from_jwks({"keys": [NOT_RESPELT[what]]}).skipped[0].kid == "k"


def test_a_key_that_proves_itself_is_never_respelt() -> None:
    with pytest.raises(UnusableKey):
        import_public_jwk(numbers("ES256", x=padded_standard))


# --- Why none fits --------------------------------------------------------------------------------

WHY: dict[str, tuple[list[Any], str | None, list[str]]] = {  # the set, the kid asked for, what the error says
    "an empty set": ([], "k", ["has kid 'k' and alg ES256", "the set has no keys"]),
    "another kid": ([jwk(kid="a"), jwk(number=1, kid="b")], "k", ["has kid 'k'", "other kids: 'a', 'b'"]),
    "a kid in other letters": ([jwk(kid="K")], "k", ["has kid 'k'", "other kids: 'K'"]),
    "the right kid on another kind": ([jwk("PS256", kid="k")], "k", ["'k' is not for ES256: kty RSA"]),
    "the right kid on another curve": (
        [jwk("ES384", kid="k")],
        "k",
        ["'k' is not for ES256: kty EC, crv 'P-384'"],
    ),
    "a key that is for encryption": ([jwk(kid="k", use="enc")], "k", ["'k' is not for ES256", "use 'enc'"]),
    "a use that nobody knows": ([jwk(kid="k", use="signature")], "k", ["use 'signature'"]),
    "a key for other operations": ([jwk(kid="k", key_ops=["encrypt"])], "k", ["key_ops 'encrypt'"]),
    "a key that is too short": (
        [numbers("PS256", n=lambda _: b64(b"\xc1" * 128))],
        "k",
        ["'k' cannot be used and is skipped: the RSA key is too short or too long"],
    ),
    "a certificate alone": (
        [{"kty": "RSA", "kid": "k", "x5c": ["MIIB"]}],
        "k",
        [
            "'k' cannot be used and is skipped: the JWK's e is absent",
            "an x5c without the other members is not read",
        ],
    ),
    "a kind of key that is not known here": (
        [{"kty": "AKP", "kid": "k"}],
        "k",
        ["'k' cannot be used", "kty"],
    ),
    "no kid asked for": (
        [jwk("PS256", kid="a"), "text", {"kty": "oct"}],
        None,
        ["has no kid, and alg ES256", "'a' is not for ES256", "(no kid) cannot be used", "not a JSON object"],
    ),
    "more than anybody reads": (
        [jwk("PS256", kid=f"key-{number}") for number in range(50)],
        None,
        ["'key-4' is not for ES256", "45 more keys do not match either"],
    ),
}


@pytest.mark.spec("RFC 7515 6")
@pytest.mark.parametrize("what", WHY)
def test_no_key_fits_and_the_error_says_why_each_does_not(what: str) -> None:
    members, kid, told = WHY[what]
    with pytest.raises(KeyNotFound) as refused:
        select(members, "ES256", kid)
    for part in told:
        assert part in str(refused.value)
    assert len(str(refused.value)) < 700
    assert refused.value.facts["alg"] == "ES256"
    assert refused.value.facts["kid"] == (kid or "(none)")


def test_names_that_strangers_and_peers_made_up_cannot_break_the_log() -> None:
    with pytest.raises(KeyNotFound) as refused:
        select([jwk(kid="\x1b[31m" + "a" * 400)], "ES256", "b\n" * 200)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 700


def test_no_key_is_skipped_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fapikit.peer"):
        KeySet.from_jwks(
            {"keys": [{"kty": "oct", "kid": "a"}, 5, jwk(kid="good")]}, source="https://as.example/jwks"
        )
    lines = [record.message for record in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith("https://as.example/jwks: the key 'a' is skipped: the JWK's kty is not")
    assert lines[1].startswith(
        "https://as.example/jwks: the key (no kid) is skipped: it is not a JSON object"
    )
