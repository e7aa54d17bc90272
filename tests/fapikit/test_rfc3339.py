"""When something ends that a document says the end of."""

from __future__ import annotations

import pytest

from fapikit.rfc3339 import end_of

STARTED = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2027-01-15T08:00:00Z", STARTED),
        ("2027-01-15T17:30:00+09:30", STARTED),
        ("2027-01-15T08:00:00.500000000Z", STARTED + 0.5),
        ("2027-01-15", STARTED + 16 * 3600),
        ("2028-02-29", 1_835_481_600.0),
        ("9999-12-31", 253_402_300_800.0),
    ],
)
def test_a_time_ends_then_and_a_date_with_its_day(text: str, end: float) -> None:
    assert end_of(text) == end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2027-02-29",
        "2027-01-15T08:00:00",
        "2027-01-15 08:00:00Z",
        "2027-01-15T08:00Z",
        "2027-01-15T24:00:01Z",
        "2027-01-15T08:00:00+0900",
        "2027-W02-5",
        "20270115",
        "2027-01-15\n",
        "２０２７-01-15",
        1_800_000_000,
        True,
        None,
        [],
    ],
)
def test_anything_else_is_no_end(text: object) -> None:
    assert end_of(text) is None
