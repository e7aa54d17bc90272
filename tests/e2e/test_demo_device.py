"""The demo's television, run as a newcomer would."""

from __future__ import annotations

import pytest

from tests.e2e.playing import play

# What is asked of `make demo` (the profile, perhaps other choices), and the line that it ends with.
RUNS = {
    "fapi2-security FLOW=device": "demo: 7 steps passed, 6 refusals held, 0 failed",
    "fapi2-message-signing BINDING=mtls FLOW=device": "demo: 7 steps passed, 6 refusals held, 0 failed",
    "fapi1-baseline AUTH=none BINDING=dpop FLOW=device": "demo: 7 steps passed, 6 refusals held, 0 failed",
}


@pytest.mark.parametrize("asked", RUNS)
def test_a_television(asked: str, subtests: pytest.Subtests) -> None:
    play(asked, RUNS[asked], subtests)
