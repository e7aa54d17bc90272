"""The clause that an error cites is one of the profile in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from askit import Config
from fapikit.errors import FapiError
from tests.askit.bank import FINTECH, Bank, settings
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


@pytest.mark.parametrize(
    ("profile", "claims", "cited"),
    [
        ("oauth-2.1", {"aud": "https://elsewhere.example.test"}, "RFC 7523 3-3"),
        ("fapi2-security", {"aud": "https://elsewhere.example.test"}, "FAPI2-SP 5.3.2.1-8"),
        ("oauth-2.1", {"nbf": 9_999_999_999, "exp": 9_999_999_999}, "RFC 7519 4.1.5"),
    ],
)
async def test_a_client_assertion(profile: str, claims: Mapping[str, Any], cited: str) -> None:
    client = Bank(profile=profile).client()
    answer = await client.push(authentication=client.authentication(**claims))
    assert answer.json()["error_description"].endswith(f"[{cited}]")


def test_a_file_is_refused_with_the_rules_of_its_profile() -> None:
    http = [{**FINTECH, "redirect_uris": ["http://fintech.example.test/callback"]}]
    for profile, cited in (("oauth-2.1", "RFC 9700 2.6"), ("fapi2-security", "FAPI2-SP 5.3.2.2-8")):
        with pytest.raises(FapiError, match="https") as caught:
            Config.from_mapping(settings(profile=profile, clients=http))
        assert caught.value.clause == cited
