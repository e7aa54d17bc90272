"""The demo's budget app, run as a newcomer would."""

from __future__ import annotations

import pytest

from tests.e2e.playing import play

# What is asked of `make demo` (the profile, perhaps other choices), and the line that it ends with.
RUNS = {
    "fapi2-security FLOW=consents": "demo: 9 steps passed, 7 refusals held, 0 failed",
    "fapi2-message-signing BINDING=mtls FLOW=consents": "demo: 9 steps passed, 7 refusals held, 0 failed",
    "fapi1-advanced FLOW=consents": "demo: 9 steps passed, 7 refusals held, 0 failed",
}


@pytest.mark.parametrize("asked", RUNS)
def test_a_budget_app(asked: str, subtests: pytest.Subtests) -> None:
    play(asked, RUNS[asked], subtests)
