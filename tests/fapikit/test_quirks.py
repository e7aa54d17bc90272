"""Quirks: a closed list, each one field, until a day, and never a mandatory rule of FAPI 2."""

from __future__ import annotations

import warnings
from datetime import date, timedelta

import pytest

from fapikit import FAPI1_ADVANCED, FAPI2_MESSAGE_SIGNING, FAPI2_SECURITY, FAPI_CIBA, Profile
from fapikit.errors import ConfigurationError, ForbiddenByProfile
from fapikit.profiles import PROFILES, RULES
from fapikit.quirks import Quirk, QuirkEndsSoon
from tests.clocks import FrozenClock

TODAY = date(2027, 1, 15)
"""The day of the frozen clock."""
FAR = TODAY + timedelta(days=60)
REASON = "the bank moves to PS256 in spring"


def relax(profile: Profile, quirk: Quirk, until: date = FAR) -> Profile:
    return profile.relax(quirk, until=until, reason=REASON, clock=FrozenClock())


@pytest.mark.parametrize("quirk", Quirk)
def test_each_quirk_changes_one_field_of_fapi_1(quirk: Quirk) -> None:
    loose = relax(FAPI1_ADVANCED, quirk)
    changed = [rule for rule in RULES if getattr(loose, rule) != getattr(FAPI1_ADVANCED, rule)]
    unchanged_already = {Quirk.TOKEN_ENDPOINT_AUDIENCE, Quirk.PKCE_OPTIONAL, Quirk.REFRESH_ROTATION}
    assert changed == ([] if quirk in unchanged_already else [quirk.setting])
    (relaxation,) = loose.relaxations
    assert (relaxation.quirk, relaxation.until, relaxation.reason) == (quirk, FAR, REASON)


@pytest.mark.spec("FAPI2-SP 5.1.2")
def test_what_is_mandatory_in_fapi_2_has_no_quirk() -> None:
    free = {Quirk.REFRESH_ROTATION, Quirk.SKEW_OF_A_MINUTE}
    for profile in (FAPI2_SECURITY, FAPI2_MESSAGE_SIGNING):
        for quirk in Quirk:
            if quirk in free or not profile.clause(quirk.setting).startswith("FAPI2-"):
                relax(profile, quirk)
                continue
            with pytest.raises(ForbiddenByProfile) as refused:
                relax(profile, quirk)
            assert refused.value.clause == profile.clause(quirk.setting)
    mandatory = {q for q in Quirk if FAPI2_MESSAGE_SIGNING.clause(q.setting).startswith("FAPI2-")} - free
    assert len(mandatory) == 6


def test_quirks_add_up_and_leave_the_profile_itself_alone() -> None:
    loose = relax(relax(FAPI_CIBA, Quirk.ACCEPT_RS256), Quirk.ECDSA_SUITES)
    assert [one.quirk for one in loose.relaxations] == [Quirk.ACCEPT_RS256, Quirk.ECDSA_SUITES]
    assert "RS256" in loose.signing_algorithms
    assert all(profile.relaxations == () for profile in PROFILES.values())
    assert "RS256" not in FAPI_CIBA.signing_algorithms


@pytest.mark.parametrize("days, warned", [(60, False), (30, False), (29, True), (0, True)])
def test_warns_from_thirty_days_before(days: int, warned: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        relax(FAPI1_ADVANCED, Quirk.ACCEPT_RS256, TODAY + timedelta(days=days))
    assert [one.category for one in caught] == ([QuirkEndsSoon] if warned else [])
    assert all(one.filename == __file__.replace(".pyc", ".py") for one in caught)


def test_after_its_day_construction_fails_and_what_runs_goes_on() -> None:
    running = relax(FAPI1_ADVANCED, Quirk.ACCEPT_RS256)
    clock = FrozenClock()
    clock.advance(61 * 86_400)
    with pytest.raises(ConfigurationError, match="ended on") as refused:
        FAPI1_ADVANCED.relax(Quirk.ACCEPT_RS256, until=FAR, reason=REASON, clock=clock)
    assert refused.value.facts["reason"] == REASON
    running.require_algorithm("RS256", "an ID token")


@pytest.mark.parametrize("reason", ["", "  "])
def test_needs_a_reason(reason: str) -> None:
    with pytest.raises(ConfigurationError, match="reason"):
        FAPI1_ADVANCED.relax(Quirk.ACCEPT_RS256, until=FAR, reason=reason, clock=FrozenClock())
