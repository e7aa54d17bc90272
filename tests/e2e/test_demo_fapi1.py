"""The demo with two banks under FAPI 1.0, run as a newcomer would."""

from __future__ import annotations

import pytest

from tests.e2e.playing import play_at_two_banks

# What is asked of `make demo` (the profile, perhaps other choices), and the line that it ends with.
RUNS = {
    "fapi1-advanced": "demo: 14 steps passed, 12 refusals held, 0 failed",
    "fapi1-advanced AUTH=self_signed_tls_client_auth": "demo: 14 steps passed, 12 refusals held, 0 failed",
    "fapi1-baseline AUTH=tls_client_auth BINDING=mtls": "demo: 13 steps passed, 9 refusals held, 0 failed",
    "fapi1-baseline": "demo: 13 steps passed, 7 refusals held, 0 failed",
    "fapi1-baseline AUTH=none BINDING=dpop": "demo: 13 steps passed, 8 refusals held, 0 failed",
    "fapi1-baseline AUTH=client_secret_jwt": "demo: 13 steps passed, 7 refusals held, 0 failed",
}


@pytest.mark.parametrize("asked", RUNS)
def test_two_banks_under_fapi_1(asked: str, subtests: pytest.Subtests) -> None:
    play_at_two_banks(asked, RUNS[asked], subtests)
