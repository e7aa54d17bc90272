"""The demo's shop, run as a newcomer would."""

from __future__ import annotations

import pytest

from tests.e2e.playing import play

# What is asked of `make demo` (the profile, perhaps other choices), and the line that it ends with.
RUNS = {
    "fapi-ciba": "demo: 7 steps passed, 7 refusals held, 0 failed",
    "fapi-ciba AUTH=self_signed_tls_client_auth": "demo: 7 steps passed, 7 refusals held, 0 failed",
}


@pytest.mark.parametrize("asked", RUNS)
def test_a_shop(asked: str, subtests: pytest.Subtests) -> None:
    play(asked, RUNS[asked], subtests)
