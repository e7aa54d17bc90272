"""Verified claims at the client: the request that it makes, and what it takes of an answer."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

import rpkit
from fapikit.errors import ConfigurationError
from rpkit.errors import WrongRequestedClaim
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.mothers.verified_claims import AML, ANSWER, EIDAS, WISH, changed, published
from tests.rpkit.logins import signed_in

METADATA = {
    "trust_frameworks_supported": ["eidas", "de_aml"],
    "claims_in_verified_claims_supported": ["given_name", "birthdate", "place_of_birth"],
    "evidence_supported": ["document", "electronic_record"],
    "documents_supported": ["passport", "idcard"],
    "documents_check_methods_supported": ["vpip", "vcrypt"],
    "electronic_records_supported": ["bank_account"],
}
AML_WISH: dict[str, Any] = {
    "verification": {"trust_framework": {"value": "de_aml"}},
    "claims": {"place_of_birth": None},
}
ANYTHING: dict[str, Any] = {"verification": {"trust_framework": None}, "claims": {"given_name": None}}

GIVEN: dict[str, Any] = {"verification": {"trust_framework": "eidas"}, "claims": {"given_name": "Alice"}}


@pytest.fixture(autouse=True)
def metadata(bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, **METADATA}


def given(bank: FakeBank, place: str, answer: Any) -> None:
    bank.faults[place] = lambda members: {**members, "verified_claims": answer}


def logged_in(clients: Clients, bank: FakeBank, wish: Any, **options: Any) -> Any:
    return signed_in(clients.of(bank), bank, claims={"id_token": {"verified_claims": wish}}, **options)


def noticed(report: Any) -> list[str]:
    return [f"{check.name}: {check.detail}" for check in report.downgrades if "verified" in check.name]


# --- the request ----------------------------------------------------------------------------------


@pytest.mark.spec("IDA 5.3", "IDA 5.4", "IDA 9")
def test_a_request_is_made_of_a_few_arguments() -> None:
    evidence = WISH["verification"]["evidence"]
    request = rpkit.verified_claims_request(
        {"given_name": None, "birthdate": {"essential": True, "purpose": "You must be of age"}},
        trust_framework="eidas",
        max_age=31_536_000,
        evidence=evidence,
    )
    assert request == WISH
    request = rpkit.verified_claims_request(
        {"given_name": None, "birthdate": {"purpose": "To greet you"}},
        trust_framework=["eidas", "de_aml"],
        assurance_level=["substantial", "high"],
        verification={"verification_process": None},
        purpose="To open an account",
    )
    assert request == {
        "verification": {
            "trust_framework": {"values": ["eidas", "de_aml"]},
            "assurance_level": {"values": ["substantial", "high"]},
            "verification_process": None,
        },
        "claims": {
            "given_name": {"purpose": "To open an account"},
            "birthdate": {"purpose": "To greet you"},
        },
    }
    for made in (request, rpkit.verified_claims_request("given_name"), WISH):
        assert published("verified_claims_request").is_valid({"id_token": {"verified_claims": made}})


@pytest.mark.spec("IDA 5.3", "IDA 5.4", "IDA 5.5.2")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"claims": {"a": True}}, "verified_claims.claims.a must be null or an object"),
        ({"claims": ["a"], "purpose": "no"}, "verified_claims.claims.a.purpose must be a string of 3"),
        ({"claims": ["a"], "trust_framework": []}, "trust_framework.values must be an array with at least"),
        ({"claims": ["a"], "max_age": -1}, "verification.time.max_age must be a whole number"),
        ({"claims": ["a"], "evidence": [{"type": None}]}, r"evidence\[0\].type must be an object with one"),
        ({"claims": ["a"], "verification": {"time": "now"}}, "verification.time must be null or an object"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_member(arguments: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        rpkit.verified_claims_request(**arguments)


@pytest.mark.spec("IDA 8")
@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"trust_frameworks_supported": ["gold"]}, "trust_frameworks_supported"),
        ({"trust_frameworks_supported": None}, "trust_frameworks_supported"),
        ({"trust_frameworks_supported": []}, "trust_frameworks_supported"),
        ({"claims_in_verified_claims_supported": ["given_name"]}, "claims_in_verified_claims_supported"),
        ({"claims_in_verified_claims_supported": None}, "claims_in_verified_claims_supported"),
        ({"evidence_supported": ["vouch"]}, "evidence_supported"),
        ({"evidence_supported": None}, "evidence_supported"),
        ({"documents_check_methods_supported": ["pvp"]}, "documents_check_methods_supported"),
        ({"claims_parameter_supported": False}, "claims_parameter_supported"),
    ],
)
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
def test_what_the_server_cannot_give_is_not_asked_for(
    clients: Clients, bank: FakeBank, change: Any, member: str, place: str
) -> None:
    bank.faults["metadata"] = lambda members: {**members, **METADATA, **change}
    with pytest.raises(ConfigurationError) as refused:
        clients.of(bank).begin(claims={place: {"verified_claims": WISH}})
    assert refused.value.facts["member"] == member
    assert member in refused.value.message
    assert refused.value.clause == "IDA 8"
    assert not bank.calls("par")


@pytest.mark.spec("IDA 8")
@pytest.mark.parametrize(
    ("path", "value", "member"),
    [
        ("verification.trust_framework", {"values": ["gold", "silver"]}, "trust_frameworks_supported"),
        ("claims.email", None, "claims_in_verified_claims_supported"),
        ("verification.evidence.0", {"type": {"value": "vouch"}}, "evidence_supported"),
        ("verification.evidence.0.document_details.type", {"value": "visa"}, "documents_supported"),
        (
            "verification.evidence.0",
            {"type": {"value": "electronic_record"}, "record": {"type": {"value": "population_register"}}},
            "electronic_records_supported",
        ),
    ],
)
def test_what_is_asked_for_is_held_against_the_lists(
    clients: Clients, bank: FakeBank, path: str, value: Any, member: str
) -> None:
    wish = changed(WISH, path, value)
    with pytest.raises(ConfigurationError) as refused:
        clients.of(bank).begin(claims={"userinfo": {"verified_claims": [AML_WISH, wish]}})
    assert refused.value.facts["member"] == member
    assert str(refused.value.facts["path"]).startswith("claims.userinfo.verified_claims[1].")


@pytest.mark.spec("IDA 8")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("verification.trust_framework", None),
        ("verification.trust_framework", {"values": ["gold", "eidas"]}),
        ("claims.given_name#ja", None),
        ("verification.evidence", [{"type": {"value": "vouch"}}, {"type": {"value": "document"}}]),
        ("verification.evidence.0.check_details", [{"check_method": {"value": "x"}}, {"check_method": None}]),
    ],
)
def test_what_the_server_may_give_is_asked_for(
    clients: Clients, bank: FakeBank, path: str, value: Any
) -> None:
    wish = changed(WISH, path, value)
    clients.of(bank).begin(claims={"userinfo": {"verified_claims": wish}})
    assert json.loads(bank.calls("par")[0].form["claims"]) == {"userinfo": {"verified_claims": wish}}


@pytest.mark.parametrize("method", ["begin", "device"])
def test_a_broken_request_is_refused_before_it_is_sent(clients: Clients, bank: FakeBank, method: str) -> None:
    claims = {"userinfo": {"verified_claims": changed(WISH, "claims", ...)}}
    with pytest.raises(ConfigurationError, match=r"claims\.userinfo\.verified_claims\.claims is missing"):
        getattr(clients.of(bank), method)(claims=claims)
    with pytest.raises(ConfigurationError, match="verified_claims needs the scope openid"):
        getattr(clients.of(bank), method)(scope="accounts", claims={"userinfo": {"verified_claims": WISH}})
    assert not bank.calls("par")
    assert not bank.calls("device")


# --- the answer -----------------------------------------------------------------------------------


@pytest.mark.spec("IDA 5.2", "IDA 5.5.1")
def test_what_was_asked_for_is_taken_from_both_places(clients: Clients, bank: FakeBank) -> None:
    given(bank, "id_token", ANSWER)
    given(bank, "userinfo", ANSWER)
    client = clients.of(bank)
    both = {"id_token": {"verified_claims": WISH}, "userinfo": {"verified_claims": WISH}}
    login = signed_in(client, bank, claims=both)
    info = client.userinfo(login)
    for told in (login.id_token, info):
        (verified,) = told.verified_claims
        assert verified.trust_framework == "eidas"
        assert verified.claims == {"given_name": "Alice", "birthdate": "1990-02-03"}
        assert told.claims["verified_claims"] == ANSWER
        assert "Alice" not in repr(told)
        assert "Alice" not in repr(verified)
    assert noticed(login.report) == noticed(info.report) == []
    assert any("verified_claims [IDA 5.5.1]" in str(check) for check in info.report)
    assert info.unmet == ()


@pytest.mark.spec("IDA 7")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
def test_what_was_not_asked_for_is_not_taken(clients: Clients, bank: FakeBank, place: str) -> None:
    given(bank, place, EIDAS)
    client = clients.of(bank)
    login = signed_in(client, bank, claims={place: {"verified_claims": WISH}})
    told = login.id_token if place == "id_token" else client.userinfo(login)
    report = login.report if place == "id_token" else told.report
    assert told.claims["verified_claims"] == ANSWER
    (line,) = noticed(report)
    for name in ("claims.family_name", "verification.assurance_level", "document_details.document_number"):
        assert name in line
    assert "C01X00T47" not in line
    assert "C01X00T47" not in str(told.claims)


@pytest.mark.spec("IDA 7")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
@pytest.mark.parametrize("answer", [ANSWER, [ANSWER, AML], "a string", [], {"verification": {}}])
def test_verified_claims_that_nobody_asked_for_are_removed(
    clients: Clients, bank: FakeBank, place: str, answer: Any
) -> None:
    given(bank, place, answer)
    client = clients.of(bank)
    login = signed_in(client, bank, claims={place: {"given_name": None}})
    told = login.id_token if place == "id_token" else client.userinfo(login)
    assert "verified_claims" not in told.claims
    assert told.verified_claims == ()
    report = login.report if place == "id_token" else told.report
    assert len(noticed(report)) == (len(answer) if isinstance(answer, list) else 1)


@pytest.mark.spec("IDA 5.7.2", "IDA 5.7.4")
@pytest.mark.parametrize(
    ("path", "value", "taken", "line"),
    [
        ("claims.given_name", ..., True, "not given: claims.given_name is missing"),
        (
            "verification.time",
            "2020-01-01T00:00:00Z",
            False,
            "verification.time is older than max_age allows",
        ),
        ("verification.time", "2026-05-01T10:00:00", False, "verification.time is no date or time"),
        ("verification.time", ..., False, "verification.time is missing"),
        ("verification.evidence", ..., False, "verification.evidence is missing"),
        ("verification.evidence", {}, False, "verification.evidence is not an array"),
        ("verification.evidence.0.type", "vouch", False, "verification.evidence.type has another value"),
        (
            "verification.evidence.0.check_details.0.check_method",
            "x",
            False,
            "check_method has another value",
        ),
        ("verification.evidence.0.document_details", ..., True, "document_details is missing"),
        ("claims", {}, False, "claims.given_name is missing"),
        ("claims", ["Alice"], False, "it is not valid"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_reported_and_no_error(
    clients: Clients, bank: FakeBank, path: str, value: Any, taken: bool, line: str
) -> None:
    given(bank, "userinfo", changed(ANSWER, path, value))
    client = clients.of(bank)
    login = signed_in(client, bank, claims={"userinfo": {"verified_claims": WISH}})
    info = client.userinfo(login)
    assert bool(info.verified_claims) == taken
    assert line in " ".join(noticed(info.report))
    assert info.unmet == (() if taken else ("verified_claims.claims.birthdate",))


@pytest.mark.spec("IDA 5.7.2", "OIDC 5.5.1")
def test_an_essential_verified_claim_of_the_id_token_is_demanded(clients: Clients, bank: FakeBank) -> None:
    given(bank, "id_token", changed(ANSWER, "claims.birthdate", ...))
    with pytest.raises(WrongRequestedClaim, match=r"verified_claims\.claims\.birthdate"):
        logged_in(clients, bank, WISH)
    wish = changed(WISH, "claims.birthdate.essential", False)
    login = logged_in(clients, bank, wish)
    assert noticed(login.report) == [
        "ID token: claims.id_token.verified_claims: not given: claims.birthdate is missing"
    ]


def test_a_plain_claim_takes_no_verified_ones_place(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token"] = lambda claims: {**claims, "birthdate": "1990-02-03", "given_name": "Alice"}
    with pytest.raises(WrongRequestedClaim, match=r"verified_claims\.claims\.birthdate"):
        logged_in(clients, bank, WISH)


@pytest.mark.spec("IDA 5.6")
def test_of_several_answers_each_is_held_against_the_request_that_it_answers(
    clients: Clients, bank: FakeBank
) -> None:
    aml = {"verification": {"trust_framework": "de_aml"}, "claims": {"place_of_birth": {"country": "DE"}}}
    given(bank, "id_token", [aml, ANSWER])
    login = logged_in(clients, bank, [WISH, AML_WISH])
    assert login.id_token.claims["verified_claims"] == [aml, ANSWER]
    assert noticed(login.report) == []
    given(bank, "id_token", [ANSWER])
    login = logged_in(clients, bank, [WISH, AML_WISH])
    assert noticed(login.report) == ["ID token: claims.id_token.verified_claims[1]: nothing came that fits"]


@pytest.mark.spec("IDA-S 5.4.2", "OIDC 5.5.1")
@pytest.mark.parametrize(
    "answer",
    [
        changed(ANSWER, "verification.trust_framework", "gold"),
        changed(ANSWER, "verification.trust_framework", ...),
        changed(ANSWER, "verification.trust_framework", ["eidas"]),
        changed(ANSWER, "verification", ...),
        changed(ANSWER, "claims", "all"),
        [ANSWER, AML],
        [ANSWER, "more"],
        "eidas",
    ],
)
def test_another_trust_framework_in_the_id_token_fails_the_login(
    clients: Clients, bank: FakeBank, answer: Any
) -> None:
    given(bank, "id_token", answer)
    with pytest.raises(WrongRequestedClaim, match="trust_framework"):
        logged_in(clients, bank, WISH)


@pytest.mark.spec("IDA-S 5.2")
def test_unknown_members_and_a_server_that_says_too_much_cost_little(
    clients: Clients, bank: FakeBank
) -> None:
    many = {f"claim{number}" + "x" * 500: number for number in range(50)}
    given(bank, "userinfo", [{**ANSWER, "claims": {**ANSWER["claims"], **many}, "later": 1}] + [EIDAS] * 300)
    client = clients.of(bank)
    login = signed_in(client, bank, claims={"userinfo": {"verified_claims": WISH}})
    info = client.userinfo(login)
    assert len(info.verified_claims) == 100
    assert info.claims["verified_claims"][0] == ANSWER
    line = noticed(info.report)[0]
    assert "and 31 more" in line
    assert len(line) < 3000


@pytest.mark.spec("IDA 5.5.2")
def test_max_age_counts_from_the_request_also_when_userinfo_is_called_later(
    clients: Clients, bank: FakeBank
) -> None:
    verified_at = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    given(bank, "userinfo", changed(GIVEN, "verification.time", verified_at.isoformat()))
    age = int(bank.clock() - verified_at.timestamp())
    client = clients.of(bank)
    for max_age, taken in ((age, True), (age - 3600, False)):
        wish = changed(ANYTHING, "verification.time", {"max_age": max_age})
        login = signed_in(client, bank, claims={"userinfo": {"verified_claims": wish}})
        bank.clock.advance(250)
        assert bool(client.userinfo(login).verified_claims) == taken


def test_a_request_that_this_version_cannot_read_asked_for_nothing(clients: Clients, bank: FakeBank) -> None:
    """Another version sealed the transaction."""
    given(bank, "id_token", ANSWER)
    given(bank, "userinfo", ANSWER)
    client = clients.of(bank)
    start = client.begin(scope="openid")
    broken = {place: {"verified_claims": {"claims": "all"}} for place in ("id_token", "userinfo")}
    login = client.complete(bank.authorize(start.url), replace(start.transaction, claims=broken))
    assert login.id_token.verified_claims == client.userinfo(login).verified_claims == ()
    assert "it came unasked" in noticed(login.report)[0]
