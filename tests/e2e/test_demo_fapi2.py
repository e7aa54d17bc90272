"""The demo with two banks under FAPI 2.0, run as a newcomer would."""

from __future__ import annotations

import re

import pytest

from tests.e2e.playing import play

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
    trace = play(asked, RUNS[asked], subtests)

    with subtests.test("the second bank is another issuer, with clients and keys of its own"):
        for bank in ("bank", "bank2"):
            assert f"fintech -> {bank} " in trace
            assert f"accounts -> {bank} " in trace
        assert "client_id=penny-at-harbour" in trace

    with subtests.test("what one bank answered is not taken for an answer of the other"):
        assert re.search(r"an answer of the other bank: refused, (RFC 9207 2.4a|JARM 2.4-2)\n", trace)
