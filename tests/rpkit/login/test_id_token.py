"""The ID token beyond the certification modules: what was asked for, hashes, ages, the limits of tolerance."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import (
    Expired,
    FapiError,
    ForbiddenClaim,
    MalformedClaim,
    MissingClaim,
    NotYetValid,
    TooOld,
    WrongAudience,
    WrongHash,
    WrongNonce,
)
from rpkit.errors import MissingIdToken, StaleLogin, WrongAcr, WrongRequestedClaim
from tests.clocks import NOW
from tests.keys import a_key, claims_of, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in

now = int(NOW)

MUTATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], type[FapiError], str]] = {
    "azp of another client": ({}, {"azp": "another"}, WrongAudience, "RFC 8725 3.9"),
    "iat a week ago": ({}, {"iat": now - 604_800}, TooOld, "OIDC 3.1.3.7-10"),
    "iat just over the limit": ({}, {"iat": now - 631}, TooOld, "OIDC 3.1.3.7-10"),
    "iat in the future": ({}, {"iat": now + 31}, NotYetValid, "FAPI2-SP 5.3.2.1-13"),
    "nbf in the future": ({}, {"nbf": now + 31}, NotYetValid, "FAPI2-SP 5.3.2.1-13"),
    "expired beyond tolerance": ({}, {"exp": now - 30}, Expired, "OIDC 3.1.3.7-9"),
    "exp as text": ({}, {"exp": str(now + 300)}, MalformedClaim, "OIDC 3.1.3.7-9"),
    "sub as a number": ({}, {"sub": 7}, MalformedClaim, "OIDC 2"),
    "an empty sub": ({}, {"sub": ""}, MalformedClaim, "OIDC 2"),
    "a sub that is too long": ({}, {"sub": "x" * 256}, MalformedClaim, "OIDC 2"),
    "a logout token": ({}, {"events": {}}, ForbiddenClaim, "RFC 8725 3.12"),
    "nonce as a list": ({}, {"nonce": ["x"]}, WrongNonce, "OIDC 3.1.3.7-11"),
    "at_hash as a number": ({}, {"at_hash": 1}, WrongHash, "OIDC 3.1.3.6"),
    "an empty exp": ({}, {"exp": ""}, MalformedClaim, "OIDC 3.1.3.7-9"),
    "an empty auth_time where max_age asks": (
        {"max_age": 60},
        {"auth_time": ""},
        StaleLogin,
        "OIDC 3.1.3.7-13",
    ),
    "events of a logout token, empty": ({}, {"events": ""}, ForbiddenClaim, "RFC 8725 3.12"),
    "an essential claim that is empty": (
        {"claims": {"id_token": {"email": {"essential": True}}}},
        {"email": ""},
        WrongRequestedClaim,
        "OIDC 5.5.1",
    ),
    "acr of another kind": ({"acr_values": "high"}, {"acr": "low"}, WrongAcr, "OIDC 3.1.3.7-12"),
    "acr left out": ({"acr_values": "high"}, {}, WrongAcr, "OIDC 3.1.3.7-12"),
    "auth_time left out": ({"max_age": 60}, {"auth_time": None}, StaleLogin, "OIDC 3.1.3.7-13"),
    "auth_time too long ago": ({"max_age": 60}, {"auth_time": now - 91}, StaleLogin, "OIDC 3.1.3.7-13"),
    "auth_time yet to come": ({"max_age": 60}, {"auth_time": now + 31}, StaleLogin, "OIDC 3.1.3.7-13"),
    "an essential claim left out": (
        {"claims": {"id_token": {"email": {"essential": True}}}},
        {},
        WrongRequestedClaim,
        "OIDC 5.5.1",
    ),
    "an essential claim of another value": (
        {"claims": {"id_token": {"intent": {"essential": True, "value": "mine"}}}},
        {"intent": "mine1"},
        WrongRequestedClaim,
        "OIDC 5.5.1",
    ),
}
ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "azp of this client": ({}, {"azp": "fintech"}),
    "expired within tolerance": ({}, {"exp": now - 29}),
    "iat ahead within tolerance": ({}, {"iat": now + 30}),
    "one of the kinds asked for": ({"acr_values": "high highest"}, {"acr": "highest"}),
    "auth_time within max_age and tolerance": ({"max_age": 60}, {"auth_time": now - 89}),
    "auth_time ahead within tolerance": ({"max_age": 60}, {"auth_time": now + 29}),
    "an essential claim with one of its values": (
        {"claims": {"id_token": {"intent": {"essential": True, "values": ["a", "b"]}, "name": None}}},
        {"intent": "b"},
    ),
    "unknown claims": ({}, {"https://bank.example/claim": 1}),
}


def changed(claims: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


@pytest.mark.spec("OIDC 3.1.3.7-4, -5, -9, -10, -12, -13")
@pytest.mark.parametrize("what", MUTATIONS)
def test_refused(what: str, clients: Clients, bank: FakeBank) -> None:
    asked, changes, error, clause = MUTATIONS[what]
    bank.faults["id_token"] = lambda claims: changed(claims, changes)
    with pytest.raises(error) as caught:
        signed_in(clients.of(bank), bank, **asked)
    assert caught.value.clause == clause


@pytest.mark.parametrize("what", ACCEPTED)
def test_accepted(what: str, clients: Clients, bank: FakeBank) -> None:
    asked, changes = ACCEPTED[what]
    bank.faults["id_token"] = lambda claims: changed(claims, changes)
    login = signed_in(clients.of(bank), bank, **asked)
    assert login.id_token.claims["sub"] == "alice"


OPTIONAL = ("acr", "amr", "at_hash", "auth_time", "azp", "c_hash", "jti", "nbf", "s_hash", "sid")


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_claim_without_a_value_is_absent(
    name: str, nothing: str | None, clients: Clients, bank: FakeBank
) -> None:
    bank.faults["id_token"] = lambda claims: {**claims, name: nothing}
    assert signed_in(clients.of(bank), bank).id_token.subject == "alice"


def test_a_forbidden_claim_is_refused_even_if_it_is_null(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token"] = lambda claims: {**claims, "events": None}
    with pytest.raises(ForbiddenClaim):
        signed_in(clients.of(bank), bank)


def test_a_token_of_another_purpose_is_no_id_token(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token_jwt"] = lambda token: mint(claims_of(token), bank.key, typ="at+jwt")
    with pytest.raises(FapiError) as caught:
        signed_in(clients.of(bank), bank)
    assert type(caught.value).__name__ == "WrongJwtType"


def test_openid_without_an_id_token_is_refused(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda m: {k: v for k, v in m.items() if k != "id_token"}
    with pytest.raises(MissingIdToken):
        signed_in(clients.of(bank), bank)


@pytest.mark.spec("RFC 9700 4.5.3.2")
def test_a_nonce_of_another_login_is_refused(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token"] = lambda claims: {**claims, "nonce": "x" * 43}
    with pytest.raises(WrongNonce):
        signed_in(clients.of(bank), bank)


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_every_algorithm_of_the_profile(alg: str, clients: Clients) -> None:
    """at_hash of Ed25519 is made with SHA-512."""
    bank = FakeBank(alg=alg)
    assert signed_in(clients.of(bank), bank).id_token.subject == "alice"


def test_only_the_registered_algorithm_counts(clients: Clients, bank: FakeBank) -> None:
    ps256 = a_key("PS256")
    bank.faults["jwks"] = lambda jwks: {"keys": [*jwks["keys"], dict(ps256.public_jwk)]}
    bank.faults["metadata"] = lambda m: {**m, "id_token_signing_alg_values_supported": ["ES256", "PS256"]}
    bank.faults["id_token_jwt"] = lambda token: mint(claims_of(token), ps256)
    assert signed_in(clients.of(bank), bank).id_token
    with pytest.raises(FapiError) as caught:
        signed_in(clients.of(bank, id_token_signed_response_alg="ES256"), bank)
    assert caught.value.clause == "RFC 8725 3.1"


def test_the_report_names_every_check_and_the_evidence_is_verbatim(clients: Clients, bank: FakeBank) -> None:
    kept: list[str] = []
    bank.faults["id_token_jwt"] = lambda token: kept.append(token) or token
    bank.acr = "high"
    login = signed_in(clients.of(bank), bank, acr_values="high", max_age=100)
    passed = {check.name for check in login.report if check.outcome == "passed"}
    for word in ("iss", "aud", "exp", "iat", "nonce", "acr", "auth_time", "at_hash", "azp", "signature"):
        assert any(name.startswith("ID token") and word in name for name in passed), word
    assert {"state", "iss of the response", "first response of this transaction"} <= passed
    assert all(check.clause for check in login.report)
    assert login.evidence.export() == {"id_token": kept[0]}
    assert "passed state [RFC 9700 2.1c]" in str(login.report)
    assert kept[0] not in repr(login)


def test_a_missing_nonce_and_another_nonce_differ(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token"] = lambda claims: {k: v for k, v in claims.items() if k != "nonce"}
    with pytest.raises(MissingClaim):
        signed_in(clients.of(bank), bank)
