"""The clause that an error cites is one of the profile in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.askit.bank import FINTECH, Bank
from tests.askit.registering import OPENER, register

pytestmark = pytest.mark.anyio

QUERY = {
    "client_id": "fintech",
    "response_type": "code",
    "scope": "openid",
    "state": "s" * 20,
    "nonce": "n" * 20,
}
CALLBACK = FINTECH["redirect_uris"][0]


@pytest.mark.parametrize(
    ("profile", "cited"), [("oauth-2.1", "RFC 9700 2.4"), ("fapi2-security", "FAPI2-SP 5.3.2.1-2")]
)
async def test_the_password_grant(profile: str, cited: str) -> None:
    answer = await Bank(profile=profile).browser().post("/token", data={"grant_type": "password"})
    assert answer.json()["error_description"].endswith(f"[{cited}]")


@pytest.mark.parametrize(
    ("changes", "cited"),
    [({"redirect_uri": CALLBACK, "nonce": "n" * 1025}, "RFC 6749 4.1.2.1"), ({}, "RFC 6749 3.1.2.3")],
)
async def test_no_request_of_plain_oauth_hears_of_fapi(changes: Mapping[str, Any], cited: str) -> None:
    answer = await Bank(profile="oauth-2.1").browser().get("/authorize", params={**QUERY, **changes})
    told = answer.text + answer.headers.get("location", "").replace("+", " ")
    assert cited in told
    assert "FAPI" not in told


async def test_no_registration_of_plain_oauth_hears_of_fapi() -> None:
    bank = Bank(profile="oauth-2.1", initial_access_token=OPENER)
    answer = await register(bank, redirect_uris=["http://fintech.example.test/callback"])
    assert answer.json()["error_description"].endswith("[RFC 9700 2.6]")
