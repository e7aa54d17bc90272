"""What a payment is compared by: every member that is executed, and no other."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit.errors import ConfigurationError
from rskit import DetailsType
from rskit import errors as rs
from rskit.consents.comparisons import read_date, read_decimal
from rskit.policy.details_comparison import MAX_STEPS, Budget, covering
from tests.rskit.consents.paying import ORDER, PAYMENT, a_consent

KIND = DetailsType(
    "payment_initiation",
    executed=("instructedAmount", "creditorName", "creditorAccount", "parts"),
    optional=("reference",),
    not_executed=("purpose",),
    decimals=("instructedAmount.amount", "parts.amount"),
)
WHOLE: dict[str, Any] = {
    "instructedAmount": {"currency": "EUR", "amount": "12.00"},
    "creditorName": "Shop",
    "creditorAccount": {"iban": "DE02120300000000202051"},
    "parts": [{"amount": "5"}, {"amount": "7.00"}],
    "reference": "2026-1",
}
GRANTED: dict[str, Any] = {
    "type": "payment_initiation",
    **WHOLE,
    "purpose": "rent",
    "locations": ["https://api.example"],
    "consent_id": "c1",
    "consent_expires_at": 1,
}


def covered(granted: dict[str, Any], order: dict[str, Any], kind: DetailsType = KIND) -> bool:
    return bool(covering((granted,), kind.needed(order), Budget()))


def test_what_is_the_same_in_all_that_is_executed_is_covered() -> None:
    assert covered(GRANTED, WHOLE)
    assert covered(GRANTED, {"type": "payment_initiation", **WHOLE})
    without = {name: value for name, value in WHOLE.items() if name != "reference"}
    assert covered({name: value for name, value in GRANTED.items() if name != "reference"}, without)


@pytest.mark.spec("RFC 9396 9")
@pytest.mark.parametrize(
    "change",
    [
        {"instructedAmount": {"currency": "EUR", "amount": "12.01"}},
        {"instructedAmount": {"currency": "USD", "amount": "12.00"}},
        {"instructedAmount": {"currency": "eur", "amount": "12.00"}},
        {"instructedAmount": {"amount": "12.00"}},
        {"instructedAmount": {"currency": "EUR", "amount": "12.00", "more": 1}},
        {"instructedAmount": {"currency": "EUR", "amount": ["12.00"]}},
        {"instructedAmount": {"currency": "EUR", "amount": None}},
        {"instructedAmount": {"currency": "EUR", "amount": ""}},
        {"instructedAmount": {"currency": "EUR", "amount": "1.2e1"}},
        {"instructedAmount": {"currency": "EUR", "amount": " 12.00"}},
        {"instructedAmount": {"currency": "EUR", "amount": "+12.00"}},
        {"instructedAmount": {"currency": "EUR", "amount": "１２"}},
        {"instructedAmount": {"currency": "EUR", "amount": True}},
        {"instructedAmount": {}},
        {"instructedAmount": []},
        {"instructedAmount": "12.00"},
        {"creditorName": "Shop "},
        {"creditorName": "Sho\u0301p"},
        {"creditorName": None},
        {"creditorName": ["Shop"]},
        {"creditorAccount": {"iban": "DE02100100109307118603"}},
        {"creditorAccount": {}},
        {"parts": []},
        {"parts": [{"amount": "5"}]},
        {"parts": [{"amount": "7.00"}, {"amount": "5"}]},
        {"parts": [{"amount": "5"}, {"amount": "5"}]},
        {"parts": [{"amount": "5"}, {"amount": "7"}, {"amount": "7"}]},
        {"reference": "2026-2"},
        {"reference": None},
    ],
)
def test_one_member_of_the_request_differs_and_it_is_not_covered(change: dict[str, Any]) -> None:
    assert not covered(GRANTED, {**WHOLE, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"type": "loan"},
        {"debtorAccount": {"iban": "DE1"}},
        {"requestedExecutionDate": "2030-01-01"},
        {"actions": ["read"]},
        {"unheard": None},
        {"creditorName": None},
        {"creditorAccount": {"iban": "DE02120300000000202051", "currency": "EUR"}},
        {"parts": [{"amount": "5"}, {"amount": "7"}, {"amount": "1"}]},
    ],
)
def test_one_member_of_the_grant_more_and_it_does_not_cover(change: dict[str, Any]) -> None:
    assert not covered({**GRANTED, **change}, WHOLE)


@pytest.mark.parametrize("name", [*WHOLE, "type"])
def test_one_member_of_the_grant_less_and_it_does_not_cover(name: str) -> None:
    assert not covered({member: value for member, value in GRANTED.items() if member != name}, WHOLE)


def test_a_reference_that_only_one_of_them_has_is_a_difference() -> None:
    without = {name: value for name, value in WHOLE.items() if name != "reference"}
    assert not covered(GRANTED, without)


@pytest.mark.parametrize("spelt", ["12.00", "12", "12.0", "012.00", 12, 12.0])
def test_an_amount_is_compared_as_a_number(spelt: Any) -> None:
    amounts = {"instructedAmount": {"currency": "EUR", "amount": spelt}}
    assert covered(GRANTED, {**WHOLE, **amounts})
    assert covered({**GRANTED, **amounts}, WHOLE)


def test_elsewhere_numbers_are_no_texts() -> None:
    assert not covered({**GRANTED, "reference": "1.0"}, {**WHOLE, "reference": "1"})
    assert not covered({**GRANTED, "reference": 1}, {**WHOLE, "reference": True})


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (None, "is not a JSON object"),
        ([ORDER], "is not a JSON object"),
        ("", "is not a JSON object"),
        ({}, "lacks instructedAmount"),
        ({**ORDER, "type": "loan"}, "has another type"),
        ({**ORDER, "type": None}, "has another type"),
        ({**ORDER, "urgent": True}, "a member that this API does not execute"),
        ({**ORDER, "consent_id": "c1"}, "a member that this API does not execute"),
        ({**ORDER, "reference": ["x"] * MAX_STEPS}, "is too large"),
        ({**ORDER, "reference": {"a": {1}}}, "is too large"),
        ({**ORDER, "reference": {1: 2}}, "is too large"),
        (
            {name: value for name, value in ORDER.items() if name != "creditorAccount"},
            "lacks creditorAccount",
        ),
    ],
)
def test_a_request_holds_what_is_executed_and_nothing_else(order: Any, words: str) -> None:
    with pytest.raises(rs.MalformedDetail, match=words) as refused:
        PAYMENT.needed(order)
    assert refused.value.status == 400


def test_what_is_executed_is_what_was_compared() -> None:
    """The body that it came from may change: what was compared cannot."""
    order = copy.deepcopy(ORDER)
    needed = PAYMENT.needed(order)
    order["instructedAmount"]["amount"] = "9999.00"
    assert needed == {"type": "payment_initiation", **ORDER}
    with pytest.raises(TypeError):
        needed["creditorName"] = "thief"
    with pytest.raises(TypeError):
        needed["instructedAmount"]["amount"] = "9999.00"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"executed": ()}, "executed is empty"),
        ({"executed": "amount"}, "put it into a list"),
        ({"executed": ("",)}, "has an empty name"),
        ({"executed": ("amount", "amount")}, "'amount' is named twice"),
        ({"executed": ("amount",), "optional": ("amount",)}, "'amount' is named twice"),
        ({"executed": ("amount",), "not_executed": ("amount",)}, "'amount' is named twice"),
        ({"executed": ("amount", "type")}, "'type' is named twice"),
        ({"executed": ("amount", "consent_id")}, "'consent_id' is named twice"),
        ({"executed": ("amount",), "decimals": ("sum",)}, "'sum', which is in no compared member"),
        ({"executed": ("amount",), "decimals": "amount"}, "put it into a list"),
        ({"executed": ("amount",), "at_most": ("sum",)}, "at_most has 'sum'"),
        ({"executed": ("amount",), "dates": ("sum",)}, "dates has 'sum'"),
        ({"executed": ("amount",), "sets": ("sum",)}, "sets has 'sum'"),
        ({"executed": ("amount",), "decimals": ("amount",), "at_most": ("amount",)}, "in two of decimals"),
    ],
)
def test_what_contradicts_itself_is_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        DetailsType("payment", **settings)


def test_where_the_server_names_its_consents_otherwise() -> None:
    kind = DetailsType(
        "payment_initiation", executed=tuple(ORDER), consent_id="consentId", consent_expires_at="validUntil"
    )
    granted = a_consent("c1", ends=None, consent_id=None, consentId="c7", validUntil="2027-01-01T00:00:00Z")
    assert covered(granted, ORDER, kind)
    assert (kind.consent_of(granted), kind.end_of(granted)) == ("c7", 1798761600.0)
    assert not covered(granted, ORDER, PAYMENT), "to this one they are unknown members"


STANDING = DetailsType(
    "standing_order",
    executed=("limit", "validUntil", "accounts"),
    at_most=("limit.amount",),
    dates=("validUntil",),
    sets=("accounts",),
)
AGREED: dict[str, Any] = {
    "type": "standing_order",
    "limit": {"currency": "EUR", "amount": "100.00"},
    "validUntil": "2027-01-01T00:00:00+01:00",
    "accounts": [{"iban": "DE1"}, {"iban": "DE2"}, {"iban": "DE3"}],
}


@pytest.mark.spec("RFC 9396 6.1")
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"limit": {"currency": "EUR", "amount": "99.999"}},
        {"limit": {"currency": "EUR", "amount": 0}},
        {"validUntil": "2026-12-31T23:00:00Z"},
        {"validUntil": "2026-12-31T23:00:00.000+00:00"},
        {"accounts": [{"iban": "DE3"}, {"iban": "DE1"}]},
        {"accounts": [{"iban": "DE2"}, {"iban": "DE2"}]},
    ],
)
def test_a_limit_a_date_and_a_set_allow_what_they_mean(change: dict[str, Any]) -> None:
    assert covered(AGREED, {**AGREED, **change}, STANDING)


@pytest.mark.parametrize(
    "change",
    [
        {"limit": {"currency": "EUR", "amount": "100.001"}},
        {"limit": {"currency": "EUR", "amount": "-1"}},
        {"limit": {"currency": "EUR", "amount": "1e1"}},
        {"limit": {"currency": "EUR", "amount": None}},
        {"limit": {"currency": "USD", "amount": "1"}},
        {"validUntil": "2027-01-01T00:00:00Z"},
        {"validUntil": "2027-01-01T00:00:00"},
        {"validUntil": "2027-01-01"},
        {"validUntil": "2026-12-31T23:00:99Z"},
        {"validUntil": 1798758000},
        {"accounts": []},
        {"accounts": "DE1"},
        {"accounts": {"iban": "DE1"}},
        {"accounts": [{"iban": "DE4"}]},
        {"accounts": [{"iban": "DE1"}, {"iban": "DE4"}]},
        {"accounts": [{"iban": "DE1", "currency": "EUR"}]},
        {"accounts": [{}]},
    ],
)
def test_a_limit_a_date_and_a_set_allow_nothing_else(change: dict[str, Any]) -> None:
    assert not covered(AGREED, {**AGREED, **change}, STANDING)


def test_an_agreed_value_that_cannot_be_read_allows_nothing() -> None:
    for name, value in (("validUntil", "soon"), ("limit", {"currency": "EUR", "amount": "much"})):
        assert not covered({**AGREED, name: value}, {**AGREED, name: value}, STANDING)


def test_requests_with_one_meaning_have_one_fingerprint() -> None:
    turned = {
        "limit": {"currency": "EUR", "amount": 100},
        "validUntil": "2026-12-31T23:00:00Z",
        "accounts": [{"iban": "DE3"}, {"iban": "DE2"}, {"iban": "DE1"}, {"iban": "DE1"}],
    }
    assert STANDING.canonical(turned) == STANDING.canonical(AGREED)
    assert STANDING.canonical({**turned, "accounts": []}) != STANDING.canonical(AGREED)


@pytest.mark.parametrize(
    ("spelt", "read"),
    [
        ("2026-02-28", "2026-02-28"),
        ("2026-02-30", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("20260228", None),
        ("2026-02-28T10:00:00+01:00", "2026-02-28T09:00:00+00:00"),
        ("2026-02-28t10:00:00z", None),
        (7, None),
    ],
)
def test_a_date_has_one_spelling(spelt: Any, read: str | None) -> None:
    assert read_date(spelt) == read


AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=4)


@given(AMOUNTS, AMOUNTS)
def test_two_amounts_are_equal_if_their_values_are(one: Decimal, other: Decimal) -> None:
    def order(amount: Decimal) -> dict[str, Any]:
        return {**ORDER, "instructedAmount": {"currency": "EUR", "amount": f"{amount:f}"}}

    assert read_decimal(f"{one:f}") == one
    assert covered({**a_consent("c1"), **order(one)}, order(other), PAYMENT) is (one == other)
    same = PAYMENT.canonical(order(one)) == PAYMENT.canonical(order(other))
    assert same is (one == other)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "1", "1.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


ORDERS = st.fixed_dictionaries(dict.fromkeys(ORDER, JSON))


@given(ORDERS, ORDERS, st.booleans())
def test_what_is_covered_has_one_fingerprint(one: dict[str, Any], other: dict[str, Any], alike: bool) -> None:
    """What is covered, and by what a retry is known, are told in two ways that agree."""
    if alike:
        other = copy.deepcopy(one)
    spelt = [json.dumps(PAYMENT.canonical(order)) for order in (one, other)]
    assert not covered({**a_consent("c1"), **one}, other, PAYMENT) or spelt[0] == spelt[1]


@given(ORDERS)
def test_every_request_is_covered_by_its_like(order: dict[str, Any]) -> None:
    kind = DetailsType("payment_initiation", executed=tuple(ORDER))  # without decimals, which may be none
    assert covered({**a_consent("c1"), **order}, copy.deepcopy(order), kind)


def test_comparing_looks_at_each_value_once_for_each_grant() -> None:
    def steps(size: int) -> int:
        order = {**ORDER, "reference": [f"r{number}" for number in range(size)]}
        budget = Budget(10**9)
        covering(
            tuple(a_consent(f"c{number}", **order) for number in range(5)), PAYMENT.needed(order), budget
        )
        return 10**9 - budget.steps

    assert steps(2000) <= 2 * steps(1000)
    assert steps(1000) <= 5 * 1100
