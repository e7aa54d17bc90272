"""What a route wants to know of the sign-in behind a token; what is missing, or cannot be, is not enough."""

from __future__ import annotations

from typing import Any

import pytest

from rskit import Access
from rskit import errors as rs
from rskit.policy.checked_request import CheckedRequest
from tests.clocks import NOW, FrozenClock
from tests.rskit.mothers import a_server, a_token, a_view, allowed

AN_HOUR = 3600
FRESH = [NOW, NOW - AN_HOUR, NOW + 30, int(NOW) - 0.5]
NOT_FRESH: dict[str, tuple[Any, str]] = {
    "too long ago": (NOW - AN_HOUR - 1, "too long ago"),
    "never": (0, "too long ago"),
    "ahead of any clock": (NOW + 31, "is in the future"),
    "a year ahead": (NOW + 365 * 86_400, "is in the future"),
    "milliseconds": (int(NOW) * 1000, "is in the future"),
    "forty digits": (10**39, "is in the future"),
    "absent": (None, "no auth_time"),
    "text": (str(int(NOW)), "no auth_time"),
    "true": (True, "no auth_time"),
    "a list": ([NOW], "no auth_time"),
}


def checked(**claims: Any) -> CheckedRequest:
    server, view = a_server(clock=FrozenClock()), a_view(f"Bearer {a_token(**claims)}")
    return CheckedRequest(server, view, allowed(server, view))


@pytest.mark.parametrize("auth_time", FRESH, ids=str)
def test_a_recent_sign_in_is_enough(auth_time: float):
    checked(auth_time=auth_time).require(Access(max_age=AN_HOUR))


@pytest.mark.spec("RFC 9470 3")
@pytest.mark.parametrize("what", NOT_FRESH)
def test_what_is_not_recent_is_not_enough(what: str):
    auth_time, words = NOT_FRESH[what]
    with pytest.raises(rs.InsufficientAuthentication, match=words) as refused:
        checked(auth_time=auth_time).require(Access(max_age=AN_HOUR))
    assert refused.value.max_age == AN_HOUR


@pytest.mark.parametrize("acr", [None, "pwd", ["mfa"], "mfa phr", "MFA", True, ""], ids=str)
def test_an_acr_that_is_not_one_of_those_wanted_is_not_enough(acr: Any):
    with pytest.raises(rs.InsufficientAuthentication):
        checked(acr=acr).require(Access(acr=("phr", "mfa")))
    checked(acr="mfa").require(Access(acr=("phr", "mfa")))
