"""The clause that an error or a report cites is one of the profile in force."""

from __future__ import annotations

import pytest

from fapikit import FAPI1_BASELINE, OAUTH_2_1, PrivateKeyJWT, Profile
from fapikit.errors import ConfigurationError, InsecureUrl
from rpkit.defaults import client_settings
from rpkit.errors import WrongRedirectUri
from tests.keys import a_key
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank


@pytest.mark.parametrize(
    ("profile", "cited"), [("oauth-2.1", "RFC 9700 4.4.2"), ("fapi1-baseline", "FAPI1-BL 5.2.3-4")]
)
def test_a_client_cites_what_its_profile_says(clients: Clients, profile: str, cited: str) -> None:
    bank = FakeBank()
    client = clients.of(bank, profile=profile)
    start = client.begin(scope="openid")
    with pytest.raises(WrongRedirectUri) as caught:
        client.complete("https://fintech.example/elsewhere?code=x", start.transaction)
    assert caught.value.clause == cited


@pytest.mark.parametrize("profile", ["oauth-2.1", "fapi1-baseline"])
def test_an_api_over_http_is_refused_by_a_rule_of_the_profile(profile: str, clients: Clients) -> None:
    bank = FakeBank()
    client = clients.of(bank, profile=profile)
    start = client.begin(scope="openid accounts")
    login = client.complete(bank.authorize(start.url), start.transaction)
    with pytest.raises(InsecureUrl) as caught:
        client.api(login.tokens, base_url="http://api.example")
    assert caught.value.clause == "RFC 9325 3.1.1"


def test_a_report_cites_what_its_profile_says(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, profile="oauth-2.1")
    start = client.begin(scope="openid")
    report = client.complete(bank.authorize(start.url), start.transaction).report
    assert "RFC 9700 2.1.1a" in {check.clause for check in report}
    assert "FAPI" not in str(report)


@pytest.mark.parametrize(
    ("profile", "cited"), [(OAUTH_2_1, "RFC 8725 3.2"), (FAPI1_BASELINE, "RFC 8725 3.2")], ids=str
)
def test_settings_cite_what_their_profile_says(profile: Profile, cited: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        client_settings(
            client_id="fintech",
            auth=PrivateKeyJWT(a_key()),
            redirect_uri=None,
            profile=profile,
            options={"id_token_encrypted_response_alg": "RSA1_5"},
        )
    assert caught.value.clause == cited
