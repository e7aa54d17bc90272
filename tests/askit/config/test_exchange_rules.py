"""The tables of token exchange and the member `may_act`: what cannot work is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from askit import Config
from fapikit.errors import ConfigurationError
from tests.askit.bank import OTHER, settings
from tests.askit.grants.exchanging import ACCOUNTS_API, OF_FINTECH, PAYMENTS_API, RESOURCES, RULE


@pytest.mark.parametrize(
    "rule, why",
    [
        ({"clients": []}, "clients is missing"),
        ({"clients": ["nobody"]}, "no configured client 'nobody'"),
        ({"clients": ["other"]}, "grant_types do not have"),
        ({"clients": ["accounts-api", "accounts-api"]}, "twice"),
        ({"token_types": ["refresh_token"]}, "token_types has 'refresh_token'"),
        ({"resources": ["https://elsewhere.example.test"]}, "not configured"),
        ({"received_tokens": False}, "needs received_tokens"),
        ({"impersonate": True}, "did you mean impersonation"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(rule: dict[str, Any], why: str) -> None:
    clients = [OF_FINTECH, OTHER, ACCOUNTS_API, PAYMENTS_API]
    members = settings(clients=clients, resources=RESOURCES, token_exchange=[{**RULE, **rule}])
    with pytest.raises(ConfigurationError, match="token_exchange") as refused:
        Config.from_mapping(members)
    assert why in refused.value.message


@pytest.mark.parametrize(
    "may_act", ["accounts-api", {}, {"iss": "https://x.example"}, {"sub": ""}, {"sub": "a", "x": "y"}]
)
def test_a_may_act_that_names_nobody_is_refused(may_act: Any) -> None:
    with pytest.raises(Exception, match="may_act must be an object with sub"):
        Config.from_mapping(
            settings(
                clients=[{**OF_FINTECH, "may_act": may_act}], resources=[], authorization_details_types=[]
            )
        )
