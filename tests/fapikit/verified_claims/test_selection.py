"""What a request takes of verified claims: one that fits, and single changes of either, each with its own effect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fapikit.verified_claims.requested import read_requests
from fapikit.verified_claims.selection import Selection, beyond, last_second_of, select
from tests.mothers.verified_claims import AML, ANSWER, EIDAS, WISH, changed, published

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()


def selected(wish: Any, verified: Any = EIDAS, at: float = NOW) -> Selection:
    (request,) = read_requests(wish)
    return select(request, verified, at=at)


def valid_by_schema(taken: Any) -> bool:
    return bool(published("verified_claims").is_valid({"verified_claims": taken}))


@pytest.mark.spec("IDA 5.4", "IDA 7")
def test_exactly_what_was_asked_for_is_taken() -> None:
    found = selected(WISH)
    assert found.taken == ANSWER
    assert found.unmet == ()
    assert valid_by_schema(found.taken)


DOCUMENT = "verification.evidence.0"
UNFIT: list[tuple[str, Any, str]] = [
    ("verification.trust_framework", {"value": "gold"}, "verification.trust_framework has another value"),
    ("verification.trust_framework", {"values": ["gold", "a"]}, "verification.trust_framework has another"),
    ("verification.assurance_level", {"value": "high"}, "verification.assurance_level has another value"),
    ("verification.time", {"max_age": 60}, "verification.time is older than max_age"),
    ("verification.verification_process", {"max_age": 60}, "is no date or time"),
    ("verification.assurance_process", {"policy": {"value": "a"}}, "assurance_process is missing"),
    (f"{DOCUMENT}.type.value", "vouch", "verification.evidence.type has another value"),
    (f"{DOCUMENT}.check_details.0.check_method", {"value": "pipp"}, "check_method has another value"),
    (f"{DOCUMENT}.document_details.type", {"values": ["idcard"]}, "document_details.type has another value"),
    (f"{DOCUMENT}.document_details.date_of_issuance", {"max_age": 60}, "date_of_issuance is older"),
    (f"{DOCUMENT}.document_details.serial_number", {"value": "1"}, "serial_number is missing"),
    ("claims", {"email": None}, "claims.email is missing"),
]


@pytest.mark.spec("IDA 5.5.1", "IDA 5.5.2", "IDA 5.7.4", "IDA 5.7.5")
@pytest.mark.parametrize(("path", "value", "why"), UNFIT)
def test_a_restriction_of_the_verification_that_is_not_met_gives_nothing(
    path: str, value: Any, why: str
) -> None:
    found = selected(changed(WISH, path, value))
    assert found.taken is None
    assert why in " ".join(map(str, found.unmet))


@pytest.mark.spec("IDA 5.7.2", "IDA 5.7.4")
@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"value": "Bob", "essential": True}, "claims.given_name (essential) has another value"),
        ({"values": ["Bob", "Eve"]}, "claims.given_name has another value"),
        ({"max_age": 60}, "claims.given_name is no date or time"),
    ],
)
def test_a_claim_that_does_not_fit_is_left_out_alone(wish: Any, why: str) -> None:
    found = selected(changed(WISH, "claims.given_name", wish))
    assert found.taken == changed(ANSWER, "claims.given_name", ...)
    assert [str(unmet) for unmet in found.unmet] == [
        f"{why} than was asked for" if "value" in why else f"{why}, and max_age was asked for"
    ]


@pytest.mark.spec("IDA 5.7.2")
def test_what_is_not_there_is_left_out_and_named() -> None:
    wish = changed(changed(WISH, "claims.email", {"essential": True}), "verification.assurance_process", None)
    wish = changed(wish, f"{DOCUMENT}.document_details.serial_number", None)
    found = selected(wish)
    assert found.taken == ANSWER
    assert [str(unmet) for unmet in found.unmet] == [
        "verification.evidence.document_details.serial_number is missing",
        "verification.assurance_process is missing",
        "claims.email (essential) is missing",
    ]


@pytest.mark.spec("IDA 5.4")
def test_filters_of_evidence_are_linked_by_or_and_an_item_gives_what_its_filters_ask_for() -> None:
    filters = [
        {"type": {"value": "document"}, "document_details": {"document_number": None}},
        {"type": {"value": "document"}, "document_details": {"issuer": {"country_code": None}}},
        {
            "type": {"value": "document"},
            "document_details": {"type": {"value": "idcard"}, "serial_number": None},
        },
        {"type": {"value": "electronic_record"}, "record": {"source": {"name": None}}},
        {"type": {"value": "vouch"}},
    ]
    taken = selected(changed(WISH, "verification.evidence", filters)).taken
    assert taken is not None
    assert taken["verification"]["evidence"] == [
        {
            "type": "document",
            "document_details": {
                "type": "passport",
                "document_number": "C01X00T47",
                "issuer": {"country_code": "DEU"},
            },
        },
        {"type": "electronic_record", "record": {"type": "bank_account", "source": {"name": "Example Bank"}}},
    ]
    assert valid_by_schema(taken)


@pytest.mark.spec("IDA 5.4", "IDA-S 5.4.4")
def test_an_object_that_is_asked_for_by_its_name_alone_has_what_it_must_have() -> None:
    wish = changed(
        WISH, f"{DOCUMENT}", {"type": {"value": "document"}, "document_details": None, "check_details": None}
    )
    taken = selected(wish).taken
    assert taken is not None
    assert taken["verification"]["evidence"] == [
        {
            "type": "document",
            "document_details": {"type": "passport"},
            "check_details": [{"check_method": "vpip"}, {"check_method": "vcrypt"}],
        }
    ]


@pytest.mark.spec("IDA-S 5.4.4")
def test_a_signature_that_is_asked_for_has_what_it_must_have() -> None:
    signature = {
        "type": "electronic_signature",
        "signature_type": "qes_eidas",
        "issuer": "Example CA",
        "serial_number": "1e",
        "created_at": "2026-01-01T00:00Z",
    }
    entry = changed(EIDAS, "verification.evidence", [signature])
    wish = changed(
        WISH, "verification.evidence", [{"type": {"value": "electronic_signature"}, "issuer": None}]
    )
    taken = selected(wish, entry).taken
    assert taken is not None
    assert taken["verification"]["evidence"] == [{k: v for k, v in signature.items() if k != "created_at"}]


@pytest.mark.spec("IDA-S 5.4.4", "IDA 7")
def test_what_is_derived_from_evidence_is_about_claims_that_are_given() -> None:
    derived = {"given_name": "Alice", "birthdate": "1990-02-03", "family_name": "Example"}
    entry = changed(EIDAS, f"{DOCUMENT}.derived_claims", derived)
    asked = {"given_name": None, "family_name": None}
    taken = selected(changed(WISH, f"{DOCUMENT}.derived_claims", asked), entry).taken
    assert taken is not None
    assert taken["verification"]["evidence"][0]["derived_claims"] == {"given_name": "Alice"}
    taken = selected(changed(WISH, f"{DOCUMENT}.derived_claims", {"family_name": None}), entry).taken
    assert taken == ANSWER


@pytest.mark.spec("IDA 5.5.2")
@pytest.mark.parametrize(
    ("value", "last"),
    [
        ("2026-01-31", dt.datetime(2026, 1, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("2026-01-31T10:00:00Z", dt.datetime(2026, 1, 31, 10, 0, 0, tzinfo=dt.UTC)),
        ("2026-01-31T10:00Z", dt.datetime(2026, 1, 31, 10, 0, 59, tzinfo=dt.UTC)),
        ("2026-01-31T10:00:00+02:00", dt.datetime(2026, 1, 31, 8, 0, 0, tzinfo=dt.UTC)),
        ("2026-01-31T10:00:00", None),
        ("2026-02-31", None),
        ("yesterday", None),
        (1_700_000_000, None),
    ],
)
def test_the_age_of_a_date_counts_from_its_last_second(value: Any, last: dt.datetime | None) -> None:
    assert last_second_of(value) == (None if last is None else last.timestamp())


@pytest.mark.spec("IDA 5.5.2")
def test_max_age_is_met_to_the_second() -> None:
    verified_at = dt.datetime(2026, 5, 1, 10, tzinfo=dt.UTC).timestamp()
    wish = changed(WISH, "verification.time", {"max_age": 100})
    assert selected(wish, at=verified_at + 100).taken is not None
    assert selected(wish, at=verified_at + 101).taken is None
    assert selected(changed(WISH, "verification.time", {"max_age": 0}), AML, at=0).taken is None


def test_true_is_not_one() -> None:
    entry = changed(EIDAS, "claims.given_name", True)
    assert selected(changed(WISH, "claims", {"given_name": {"value": 1}}), entry).taken is None
    assert selected(changed(WISH, "claims", {"given_name": {"value": True}}), entry).taken is not None


@pytest.mark.spec("IDA 7")
def test_what_is_beyond_is_named_by_its_path() -> None:
    assert list(beyond(ANSWER, ANSWER)) == []
    assert list(beyond(EIDAS, ANSWER)) == [
        "verification.assurance_level",
        "verification.verification_process",
        "verification.evidence",
        "verification.evidence.check_details",
        "verification.evidence.check_details.organization",
        "verification.evidence.check_details.time",
        "verification.evidence.document_details.document_number",
        "verification.evidence.document_details.date_of_issuance",
        "verification.evidence.document_details.issuer",
        "claims.family_name",
        "claims.nationalities",
        "claims.address",
    ]


# Any request: each member of the data may be asked for or not, and restricted to what it is or to something else.


def _element(value: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(
        [None, {}, {"essential": True}, {"value": value}, {"values": ["x", value]}, {"value": "x"}]
    )


def _wish(value: Any) -> st.SearchStrategy[Any]:
    if isinstance(value, dict):
        return st.one_of(st.none(), _some_of(value))
    if isinstance(value, list):
        return st.lists(st.sampled_from(value).flatmap(_some_of), min_size=1, max_size=3)
    return _element(value)


def _some_of(members: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: _wish(value) for name, value in members.items()})


@st.composite
def requests(draw: st.DrawFn) -> Any:
    verification = draw(_some_of({k: v for k, v in EIDAS["verification"].items() if k != "evidence"}))
    verification.setdefault("trust_framework", None)
    if draw(st.booleans()):
        kinds = draw(st.lists(st.sampled_from(EIDAS["verification"]["evidence"]), min_size=1, max_size=3))
        verification["evidence"] = [
            {**draw(_some_of(item)), "type": {"value": draw(st.sampled_from([item["type"], "vouch"]))}}
            for item in kinds
        ]
    claims = draw(st.fixed_dictionaries({}, optional={k: _element(v) for k, v in EIDAS["claims"].items()}))
    return {"verification": verification, "claims": {**claims, "given_name": None}}


@pytest.mark.spec("IDA 5.4", "IDA 7")
@settings(max_examples=300, deadline=None)
@given(requests())
def test_a_selection_is_a_valid_part_of_the_data_and_selecting_again_changes_nothing(wish: Any) -> None:
    found = selected(wish)
    if found.taken is None:
        assert found.unmet
        return
    assert valid_by_schema(found.taken)
    again = selected(wish, found.taken)
    assert again.taken == found.taken
    assert list(beyond(found.taken, again.taken)) == []
    assert not set(_leaves(found.taken)) - set(_leaves(EIDAS))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, str(value)
