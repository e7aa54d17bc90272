"""What the settings and a client's registration say about grant management, and what is refused there."""

from __future__ import annotations

from typing import Any

import pytest

from askit import Config
from askit.clients.client import Client
from askit.errors import InvalidClientMetadata
from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, Bank, settings
from tests.askit.plain_client import ACCOUNTS
from tests.askit.registering import OPEN, register
from tests.keys import a_key

pytestmark = pytest.mark.anyio


@pytest.mark.spec("GM 7.1")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grant_management": {"actions": ["create", "update"]}}, "grant_management.actions has 'update'"),
        (
            {"grant_management": {"actions": ["merge"], "action_required": True}},
            "action_required needs create",
        ),
        ({"grant_management": {"action": ["create"]}}, "grant_management.action"),
        (
            {"resources": [{"uri": ACCOUNTS, "scopes": ["accounts", "grant_management_query"]}]},
            "belongs to an endpoint of this server",
        ),
        ({"registration": {"scopes": ["openid"], "grant_management_actions": ["update"]}}, "'update'"),
        (
            {
                "grant_management": {"actions": ["create"]},
                "registration": {"scopes": ["openid"], "grant_management_actions": ["query"]},
            },
            "'query'",
        ),
    ],
)
def test_a_contradiction_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Config.from_mapping(settings(**changes))


@pytest.mark.spec("GM 5.1")
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"grant_management_actions": ["update"]}, "unknown action"),
        ({"grant_management_actions": "create"}, "must be an array of strings"),
        ({"grant_management_action_required": "yes"}, "must be a boolean"),
        (
            {"token_endpoint_auth_method": "none", "grant_management_actions": ["create"]},
            "need a client that authenticates",
        ),
        (
            {"token_endpoint_auth_method": "none", "grant_management_action_required": True},
            "need a client that authenticates",
        ),
    ],
)
def test_a_wrong_registration_is_refused(members: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidClientMetadata, match=words):
        Client.read({**FINTECH, **members})


async def test_a_client_that_registers_itself_has_only_the_actions_of_the_policy() -> None:
    for allowed, listed in (([], []), (["create", "query"], ["create", "query"])):
        policy = {"scopes": ["openid", "accounts"], "grant_management_actions": allowed}
        bank = Bank(**{**OPEN, "registration": policy})
        registered = (await register(bank)).json()
        assert registered.get("grant_management_actions", []) == listed
        client = bank.client(client_id=registered["client_id"], key=a_key("ES256", 7))
        for action in ("create", "merge"):
            answer = await client.push(client.request(grant_management_action=action, grant_id=None))
            error = answer.json().get("error")
            assert (error == "unauthorized_client") == (action not in allowed), answer.text
