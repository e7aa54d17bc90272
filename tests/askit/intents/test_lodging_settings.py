"""The settings of lodged intents: each contradiction is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from askit import AuthorizationServer, Config
from askit.errors import InvalidAuthorizationDetails
from fapikit import MemoryStore
from fapikit.errors import ConfigurationError
from tests.askit.bank import settings
from tests.askit.intents.lodging import a_type
from tests.askit.plain_client import ACCOUNTS, PAYMENTS


def config(*types: dict[str, Any], **more: Any) -> Config:
    return Config.from_mapping(settings(authorization_details_types=list(types), **more))


@pytest.mark.parametrize(
    ("types", "more", "told"),
    [
        (
            [a_type("uk-account-access", ACCOUNTS, "payments")],
            {},
            "lodged.scope = 'payments' is no scope of an",
        ),
        (
            [a_type("uk", ACCOUNTS, "accounts")],
            {},
            "lodged.shape = 'uk' is unknown: use one of uk-account-access",
        ),
        (
            [
                a_type("uk-account-access", ACCOUNTS, "accounts", lodged={"path": "/consents"}),
                a_type("berlin-group-consent", ACCOUNTS, "accounts", lodged={"path": "/consents"}),
            ],
            {},
            "lodged.path = '/consents' is given twice",
        ),
        (
            [a_type("uk-account-access", ACCOUNTS, "accounts", lodged={"path": "consents/"})],
            {},
            "lodged.path must be a path such as /v1/consents",
        ),
        (
            [a_type("uk-account-access", ACCOUNTS, "accounts", lodged={"path": "/v1/../token"})],
            {},
            "lodged.path must be a path such as /v1/consents",
        ),
        (
            [a_type("brazil-consent", ACCOUNTS, "accounts", lodged={"namespace": "a:b"})],
            {},
            "lodged.namespace must be 2 to 32 letters, digits and hyphens",
        ),
        (
            [a_type("uk-account-access", ACCOUNTS, "accounts", lodged={"authorise_within": 0})],
            {},
            "lodged.authorise_within must be a positive number of seconds",
        ),
        (
            [a_type("uk-account-access", ACCOUNTS, "accounts", lodged={"errors": "uk"})],
            {},
            "lodged.errors = 'uk' is unknown: use one of oauth",
        ),
        (
            [a_type("uk-account-access", ACCOUNTS, "accounts", lodged={"pth": "/a"})],
            {},
            "lodged.pth is not a setting",
        ),
        (
            [a_type("uk-account-access", ACCOUNTS, "accounts")],
            {"grant_management": {"action_required": True}},
            "contradicts grant_management.action_required",
        ),
    ],
)
def test_a_contradiction_is_refused_by_name(types: list[Any], more: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        config(*types, **more)
    assert told in str(refused.value)


@pytest.mark.parametrize("path", ["/token", "/introspect/consents", "/register", "/.well-known/x"])
def test_a_path_of_another_endpoint_is_refused(path: str) -> None:
    taken = config(a_type("uk-domestic-payment", PAYMENTS, "payments", lodged={"path": path}))
    with pytest.raises(ConfigurationError, match="belongs to an endpoint of this server"):
        AuthorizationServer(taken, store=MemoryStore())


def test_a_schema_of_the_bank_narrows_what_may_be_lodged() -> None:
    schema = {"properties": {"Permissions": {"maxItems": 1}}}
    own = config(a_type("uk-account-access", ACCOUNTS, "accounts", schema=schema))
    (known,) = own.authorization_details_types
    with pytest.raises(InvalidAuthorizationDetails, match="Permissions must have 1 or fewer items"):
        known.check({"type": known.type, "Permissions": ["ReadBalances", "ReadPAN"]})
    assert known.lodged
    assert known.lodged.path == "/open-banking/v4.0/aisp/account-access-consents"
    assert known.lodged.authorise_within == 3600
