"""Choosing a key: by kid, then kty, use, alg and crv; a true tie is refused."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import AmbiguousKey, KeyNotFound, UnusableKey
from fapikit.jose.key_set import MAX_KEYS, KeySet
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ID_TOKEN
from tests.keys import a_key


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
