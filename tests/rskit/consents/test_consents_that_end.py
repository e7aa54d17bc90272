"""A granted detail that says when it ends covers nothing from then on, whatever the route does with it."""

from __future__ import annotations

import pytest

from rskit import Access
from rskit import errors as rs
from tests.rskit.consents.paying import ORDER, PAYMENT, Api, a_consent


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
