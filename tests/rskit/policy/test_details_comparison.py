"""Whether a grant covers a request: what fails closed, what is matched one to one, how many values are looked at."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rskit import Access
from rskit import errors as rs
from rskit.policy.details_comparison import MAX_DEPTH, MAX_STEPS, Budget, covers
from tests.rskit.mothers import a_server, a_token, a_view, allowed

GRANTED: dict[str, Any] = {
    "accounts": ["DE1", "DE2"],
    "balance": {"currency": "EUR", "amount": "1.0"},
    "holders": [{"name": "Alice", "since": 2020}, {"name": "Bob", "since": 2021}],
    "active": True,
    "limit": 1,
    "note": None,
    "nothing": [],
    "anything": {},
}
NEEDED: dict[str, Any] = {
    "accounts": ["DE2"],
    "balance": {"currency": "EUR"},
    "holders": [{"name": "Bob"}],
    "active": True,
    "limit": 1,
    "note": None,
    "nothing": [],
    "anything": {},
}


def test_what_is_granted_may_say_more() -> None:
    assert covers(GRANTED, NEEDED)
    assert covers(GRANTED, GRANTED)


@pytest.mark.spec("RFC 9396 9")
@pytest.mark.parametrize(
    "change",
    [
        {"accounts": []},
        {"accounts": {}},
        {"accounts": ["DE3"]},
        {"accounts": ["DE2", "DE2"]},
        {"accounts": "DE2"},
        {"accounts": None},
        {"accounts": [["DE2"]]},
        {"accounts": [[]]},
        {"balance": {}},
        {"balance": []},
        {"balance": {"currency": "USD"}},
        {"balance": {"currency": "EUR", "amount": "1"}},
        {"balance": {"currency": "EUR", "amount": 1.0}},
        {"balance": {"currency": "EUR", "unheard": None}},
        {"holders": [{}]},
        {"holders": [{"name": "Bob"}, {"name": "Bob"}]},
        {"holders": [{"name": "Bob", "since": 2020}]},
        {"holders": [{"name": "Bob", "unheard": 1}]},
        {"active": 1},
        {"active": False},
        {"limit": True},
        {"limit": 1.5},
        {"limit": "1"},
        {"limit": Decimal(2)},
        {"limit": {1}},
        {"note": ""},
        {"note": 0},
        {"nothing": {}},
        {"nothing": [1]},
        {"nothing": None},
        {"anything": []},
        {"anything": {"a": 1}},
        {"unheard": None},
        {"unheard": []},
        {"unheard": {}},
    ],
)
def test_one_change_and_it_is_not_covered(change: dict[str, Any]) -> None:
    assert not covers(GRANTED, {**NEEDED, **change})


def test_an_item_is_not_taken_by_one_that_another_would_have_covered_too() -> None:
    granted = [{"a": 1, "b": 2}, {"a": 1}]
    assert covers(granted, [{"a": 1}, {"a": 1, "b": 2}])
    assert covers(granted, [{"a": 1}, {"a": 1}])
    assert not covers(granted, [{"b": 2}, {"a": 1, "b": 2}])


def test_what_is_empty_is_covered_by_the_equally_empty_alone() -> None:
    for empty in ([], {}):
        assert covers(empty, empty)
        assert covers([empty, empty], [empty])
        assert not covers([empty], [empty, empty])
        for other in ([1], {"a": 1}, [[]], {"a": {}}, None, "", 0, False):
            assert not covers(other, empty), other
            assert not covers(empty, other), other


SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b", "1"])
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def by_definition(granted: Any, needed: Any) -> bool:
    """The rule once more, by trying every assignment of items: small values only."""
    if isinstance(needed, Mapping):
        if not isinstance(granted, Mapping) or (not needed and granted):
            return False
        return all(name in granted and by_definition(granted[name], needed[name]) for name in needed)
    if isinstance(needed, list):
        if not isinstance(granted, list) or (not needed and granted):
            return False
        return assignable(granted, needed)
    return type(granted) is type(needed) and granted == needed


def assignable(granted: list[Any], needed: list[Any]) -> bool:
    if not needed:
        return True
    return any(
        by_definition(item, needed[0]) and assignable(granted[:place] + granted[place + 1 :], needed[1:])
        for place, item in enumerate(granted)
    )


@given(JSON, JSON)
def test_nothing_is_covered_that_the_rule_does_not_cover(granted: Any, needed: Any) -> None:
    assert not covers(granted, needed) or by_definition(granted, needed)


@given(JSON)
def test_every_value_covers_itself(value: Any) -> None:
    assert covers(value, copy.deepcopy(value))


@given(st.dictionaries(st.sampled_from("abc"), JSON, min_size=2, max_size=3), st.data())
def test_a_member_less_is_covered_a_member_more_is_not(value: dict[str, Any], data: st.DataObject) -> None:
    less = dict(value)
    del less[data.draw(st.sampled_from(sorted(value)))]
    assert covers(value, less)
    assert not covers(value, {**value, "unheard": data.draw(JSON)})


@given(st.lists(JSON, min_size=1, max_size=4), st.data())
def test_an_item_less_is_covered_an_item_twice_is_not(value: list[Any], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(value) - 1))
    less = value[:place] + value[place + 1 :]
    assert covers(value, less) or not less
    assert not covers(value, [*value, value[place]])


def spent(granted: Any, needed: Any) -> int:
    """How many values are looked at."""
    budget = Budget(10**9)
    covers(granted, needed, budget)
    return 10**9 - budget.steps


SHAPES: dict[str, Any] = {
    "strings": lambda size: [f"DE{number}" for number in range(size)],
    "backwards": lambda size: [f"DE{number}" for number in reversed(range(size))],
    "objects": lambda size: [{"iban": f"DE{number}"} for number in range(size)],
    "one string": lambda size: "x" * size * 256,
    "members": lambda size: {f"m{number}": number for number in range(size)},
    "twice": lambda size: ["DE0"] * size,
}


@pytest.mark.parametrize("granted", SHAPES)
@pytest.mark.parametrize("needed", SHAPES)
def test_twice_the_size_is_twice_the_work_at_most(granted: str, needed: str) -> None:
    small, large = (spent(SHAPES[granted](size), SHAPES[needed](size)) for size in (500, 1000))
    assert large <= 2 * small + 2
    assert large <= 4100


@pytest.mark.parametrize(
    ("granted", "needed"),
    [
        (
            [{"a": n, "b": 1} for n in range(500)],
            [{"a": n} for n in reversed(range(500))],
        ),
        ([[[n]] for n in range(2000)], [[[-1]]] * 2000),
        (["DE1"] * 30_000, ["DE1"] * 30_000),
        ("x", "y" * 256 * MAX_STEPS),
    ],
)
def test_what_would_cost_too_much_is_not_covered(granted: Any, needed: Any) -> None:
    budget = Budget()
    assert not covers(granted, needed, budget)
    assert MAX_STEPS - budget.steps <= MAX_STEPS + len(needed) // 256 + 1


def test_what_is_nested_too_deeply_is_not_covered() -> None:
    value: Any = "bottom"
    for _ in range(MAX_DEPTH):
        value = [value]
    assert covers(value, value)
    assert not covers([value], [value])


ONE = {"type": "payment", "amount": "10", "payee": "shop"}


@pytest.mark.spec("RFC 9396 9")
def test_two_equal_needs_take_two_grants() -> None:
    token = allowed(a_server(), a_view(f"Bearer {a_token(authorization_details=[ONE])}"))
    two = allowed(a_server(), a_view(f"Bearer {a_token(authorization_details=[ONE, ONE])}"))
    assert Access().require_details(token, ONE) == (ONE,)
    with pytest.raises(rs.InsufficientDetails, match="needs the same granted authorization detail twice"):
        Access().require_details(token, [ONE, ONE])
    assert Access().require_details(two, [ONE, ONE]) == (ONE, ONE)
    with pytest.raises(rs.InsufficientDetails, match="twice"):
        Access().require_details(two, [ONE, ONE, ONE])
    # Two readings of one grant are no two payments: each of them is covered by it.
    assert Access().require_details(token, [{**ONE, "payee": "shop"}, {"type": "payment", "amount": "10"}])


@pytest.mark.spec("RFC 9396 9")
def test_all_comparisons_of_one_request_share_one_budget() -> None:
    many = [{"type": "p", "n": number} for number in range(250)]
    token = allowed(a_server(), a_view(f"Bearer {a_token(authorization_details=many)}"))
    with pytest.raises(rs.InsufficientDetails, match="too large to be compared"):
        Access().require_details(token, list(reversed(many)))
    assert len(Access().require_details(token, many[:10])) == 10


def test_a_detail_without_a_type_covers_and_needs_nothing() -> None:
    token = allowed(a_server(), a_view(f"Bearer {a_token(authorization_details=[ONE])}"))
    assert token.covering(ONE) == (ONE,)
    assert token.covering({"amount": "10"}) == ()
    with pytest.raises(TypeError):
        Access().require_details(token, {"amount": "10"})
