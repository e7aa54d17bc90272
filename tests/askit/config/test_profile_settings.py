"""What an ecosystem chose in a profile, and what it relaxes until a day, said in the file."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer, Config
from fapikit.errors import ConfigurationError, FapiError, ForbiddenByProfile
from fapikit.stores import MemoryStore
from tests.askit.bank import FINTECH, Bank, settings
from tests.askit.plain_client import ACCOUNTS, PAYMENTS
from tests.askit.registering import OPENER
from tests.keys import claims_of

UNTIL = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=400)
QUIRK: dict[str, Any] = {"name": "PKCE_OPTIONAL", "until": UNTIL, "reason": "clients of the basic plan"}


def read(**changes: Any) -> Config:
    return Config.from_mapping(settings(**changes))


@pytest.mark.spec("FAPI2-MS 5.1")
@pytest.mark.parametrize(
    ("switch", "rule"),
    [
        ("signed_requests", "request_object_required"),
        ("signed_responses", "jarm_required"),
        ("signed_introspection", "signed_introspection_required"),
    ],
)
def test_each_part_of_message_signing_has_its_switch(switch: str, rule: str) -> None:
    profile = read(profile="fapi2-message-signing", message_signing={switch: False}).profile
    whole = read(profile="fapi2-message-signing").profile
    rules = ("request_object_required", "jarm_required", "signed_introspection_required")
    assert [name for name in rules if getattr(profile, name) != getattr(whole, name)] == [rule]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"message_signing": {"signed_requests": False}}, "message_signing contradicts profile"),
        ({"profile": "fapi2-message-signing", "message_signing": {"signed": True}}, "not a setting"),
        ({"quirks": [QUIRK]}, "mandatory"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "name": "PKCE"}]}, "no quirk is called 'PKCE'"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "until": "soon"}]}, "a day such as"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "until": "2020-01-01"}]}, "ended on 2020-01-01"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "reason": " "}]}, "needs a reason"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "why": "x"}]}, "not a setting"),
    ],
)
def test_what_contradicts_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises((ConfigurationError, ForbiddenByProfile), match=told):
        read(**changes)


def test_a_quirk_of_the_file_is_in_force() -> None:
    text = f'[[quirks]]\nname = "TOKEN_ENDPOINT_AUDIENCE"\nuntil = {UNTIL}\nreason = "old libraries"'
    config = read(profile="oauth-2.1", **tomllib.loads(text))
    assert config.profile.assertion_audiences == {"issuer", "token_endpoint"}
    assert [relaxation.reason for relaxation in config.profile.relaxations] == ["old libraries"]


PUBLIC: dict[str, Any] = {
    **{name: value for name, value in FINTECH.items() if name != "jwks"},
    "client_id": "app",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code"],
}


@pytest.mark.anyio
@pytest.mark.spec("RFC 9700 2.1.1")
@pytest.mark.parametrize(
    ("client", "changes", "quirks", "taken"),
    [
        ("fintech", {}, [QUIRK], True),
        ("fintech", {}, [], False),
        ("fintech", {"nonce": None}, [QUIRK], False),
        ("fintech", {"scope": "accounts"}, [QUIRK], False),
        ("app", {}, [QUIRK], False),
    ],
)
async def test_a_nonce_stands_in_for_pkce_where_a_quirk_lets_it(
    client: str, changes: dict[str, Any], quirks: list[dict[str, Any]], taken: bool
) -> None:
    bank = Bank(profile="oauth-2.1", quirks=quirks, clients=[FINTECH, PUBLIC, *settings()["clients"][2:]])
    asked = {
        "client_id": client, "redirect_uri": FINTECH["redirect_uris"][0], "response_type": "code",
        "scope": "openid accounts", "nonce": "n" * 20, "state": "s" * 20, **changes,
    }  # fmt: skip
    query = {name: value for name, value in asked.items() if value is not None}
    answer = await bank.browser().get("/authorize", params=query)
    assert answer.status_code == (200 if taken else 303), answer.text
    assert ("code_challenge" in answer.headers.get("location", "")) is not taken


@pytest.mark.spec("OIDC 2")
@pytest.mark.parametrize("name", ["zo\u00eb", "a" * 256, ""])
def test_a_name_that_cannot_be_a_subject_is_refused(name: str) -> None:
    user = {"username": name, "password": "x"}
    with pytest.raises(ConfigurationError, match=r"claims\.sub"):
        read(users=[user])
    assert (
        read(users=[{**user, "username": name or "x", "claims": {"sub": "user-1"}}]).users[0].sub == "user-1"
    )


def test_a_scope_may_belong_to_several_apis_and_to_each_once() -> None:
    apis = [{"uri": ACCOUNTS, "scopes": ["accounts"]}, {"uri": PAYMENTS, "scopes": ["accounts", "payments"]}]
    assert read(resources=apis, authorization_details_types=None).known_scopes[-2:] == (
        "accounts",
        "payments",
    )
    with pytest.raises(ConfigurationError, match="given twice"):
        read(
            resources=[{"uri": ACCOUNTS, "scopes": ["accounts", "accounts"]}],
            authorization_details_types=None,
        )


def test_the_authority_behind_the_clients_keys_is_a_setting(tmp_path: Path) -> None:
    config = Config.from_mapping(
        settings(http={"ca": "none.pem"}, initial_access_token=OPENER), base=tmp_path
    )
    with pytest.raises(FapiError, match=r"none\.pem"):
        AuthorizationServer(config, store=MemoryStore())


@pytest.mark.anyio
@pytest.mark.spec("RFC 8707 2.2")
async def test_a_token_under_a_shared_scope_is_for_the_api_that_is_named() -> None:
    apis = [{"uri": ACCOUNTS, "scopes": ["accounts"]}, {"uri": PAYMENTS, "scopes": ["accounts"]}]
    bank = Bank(resources=apis, authorization_details_types=None)
    client = bank.client()
    for api in (ACCOUNTS, PAYMENTS):
        tokens = await client.tokens(scope="openid accounts", resource=api)
        assert claims_of(tokens["access_token"])["aud"] == api
        assert tokens["scope"] == "openid accounts"
