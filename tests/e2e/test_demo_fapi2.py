"""The demo with two banks under FAPI 2.0, run as a newcomer would."""

from __future__ import annotations

import pytest

from tests.e2e.playing import play_at_two_banks

# What is asked of `make demo` (the profile, perhaps other choices), and the line that it ends with.
RUNS = {
    "fapi2-security": "demo: 13 steps passed, 6 refusals held, 0 failed",
    "fapi2-security AUTH=tls_client_auth BINDING=dpop": "demo: 13 steps passed, 6 refusals held, 0 failed",
    "fapi2-security AUTH=private_key_jwt BINDING=mtls": "demo: 13 steps passed, 7 refusals held, 0 failed",
    "fapi2-security AUTH=tls_client_auth BINDING=mtls": "demo: 13 steps passed, 7 refusals held, 0 failed",
    "fapi2-security AUTH=self_signed_tls_client_auth BINDING=mtls": "demo: 13 steps passed, 7 refusals held, 0 failed",
    "fapi2-message-signing": "demo: 13 steps passed, 10 refusals held, 0 failed",
}


@pytest.mark.parametrize("asked", RUNS)
def test_two_banks_under_fapi_2(asked: str, subtests: pytest.Subtests) -> None:
    play_at_two_banks(asked, RUNS[asked], subtests)
