"""A granted detail that says when it ends covers nothing from then on, whatever the route does with it."""

from __future__ import annotations

import datetime as dt

import pytest

from rskit import Access, DetailsType
from rskit import errors as rs
from tests.rskit.consents.paying import ORDER, PAYMENT, Api, a_consent

UNTIL = DetailsType(
    "payment_initiation",
    executed=tuple(ORDER),
    decimals=("instructedAmount.amount",),
    consent_expires_at="valid_until",
)


@pytest.mark.spec("RFC 9396 9")
def test_a_consent_that_has_ended_opens_no_route_however_long_its_token_lasts() -> None:
    """A route without `use_consent` reads an account, for example. Its consent ends at its end, too."""
    api = Api()
    brief, longer = a_consent("c1", ends=60), a_consent("c2", ends=61)
    assert api.admit(brief).compared.details
    api.clock.advance(60)
    with pytest.raises(rs.InsufficientDetails, match="the consent that covers this request has ended"):
        api.admit(brief)
    assert api.admit(brief, longer).compared.details
    with pytest.raises(rs.InsufficientDetails, match="no granted authorization detail covers"):
        api.admit(brief, order={**ORDER, "reference": "2026-2"})


def test_of_two_equal_needs_each_takes_a_consent_that_lasts() -> None:
    api = Api()
    token = api.admit(a_consent("c1", ends=60), a_consent("c2", ends=61)).require_token()
    needed = [PAYMENT.needed(ORDER), PAYMENT.needed(ORDER)]
    assert len(Access().require_details(token, needed, now=api.clock() + 59)) == 2
    with pytest.raises(rs.InsufficientDetails, match="twice"):
        Access().require_details(token, needed, now=api.clock() + 60)


@pytest.mark.spec("RFC 9396 9")
@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("2027-01-01", 1798848000.0),
        ("2027-01-01T00:00:00Z", 1798761600.0),
        ("2027-01-01T01:00:00.5+01:00", 1798761600.5),
        (1798761600, 1798761600.0),
        (None, None),
        ("", None),
        ("2027-02-30", 0.0),
        ("2027-01-01T00:00:00", 0.0),
        ("next year", 0.0),
        (True, 0.0),
        ({"on": "2027-01-01"}, 0.0),
    ],
)
def test_an_end_is_a_number_a_time_or_a_last_day_and_one_that_cannot_be_read_is_over(
    said: object, ends: float | None
) -> None:
    assert UNTIL.end_of({"type": "payment_initiation", "valid_until": said}) == ends


@pytest.mark.spec("RFC 9396 9")
def test_a_consent_until_a_date_ends_with_that_day() -> None:
    api, day = Api(), dt.timedelta(days=1)
    today = dt.datetime.fromtimestamp(api.clock(), dt.UTC).date()

    def admitted(until: str) -> bool:
        return bool(api.admit(a_consent("c1", ends=None, valid_until=until), kind=UNTIL).compared.details)

    assert admitted(today.isoformat())
    for over in ((today - day).isoformat(), "whenever"):
        with pytest.raises(rs.InsufficientDetails, match="the consent that covers this request has ended"):
            admitted(over)
