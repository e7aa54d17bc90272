"""What an ecosystem chose in a profile, and what it relaxes until a day, said in the file."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer, Config
from fapikit.errors import ConfigurationError, FapiError, ForbiddenByProfile
from fapikit.profiles import OAUTH_2_1
from fapikit.quirks import Quirk
from fapikit.stores import MemoryStore
from tests.askit.bank import FINTECH, Bank, settings
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENTS
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
        ({"message_signing": {"signed_requests": False}}, "message_signing needs profile"),
        ({"profile": "fapi2-message-signing", "message_signing": {"signed": True}}, "not a setting"),
        ({"quirks": [QUIRK]}, "mandatory"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "name": "PKCE"}]}, "there is no quirk 'PKCE'"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "until": "soon"}]}, "a date such as"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "until": "2020-01-01"}]}, "ended on 2020-01-01"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "reason": " "}]}, "has no reason"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "why": "x"}]}, "not a setting"),
        ({"profile": "oauth-2.1", "quirks": [{**QUIRK, "clients": []}]}, "is empty"),
        (
            {"profile": "oauth-2.1", "quirks": [{**QUIRK, "clients": ["finteck"]}]},
            "no configured client 'finteck'",
        ),
        (
            {"profile": "fapi2-message-signing", "message_signing": {"for": [{"signed_requests": False}]}},
            "clients is missing",
        ),
        (
            {"profile": "fapi2-message-signing", "message_signing": {"for": [{"clients": ["x"]}]}},
            "no configured client 'x'",
        ),
        ({"profile": "oauth-2.1", "assertion_audience": "0015"}, "needs the quirk NAMED_ASSERTION_AUDIENCE"),
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


@pytest.mark.parametrize("quirk", list(Quirk), ids=lambda quirk: quirk.name)
@pytest.mark.parametrize("clients", [None, ["fintech"]])
def test_every_quirk_can_be_said_for_the_server_and_for_a_client(
    quirk: Quirk, clients: list[str] | None
) -> None:
    named = {} if clients is None else {"clients": clients}
    config = read(profile="oauth-2.1", quirks=[{**QUIRK, "name": quirk.name, **named}])
    assert config.profile_of("fintech").is_relaxed_by(quirk)
    assert config.profile_of("other").is_relaxed_by(quirk) is (clients is None)


def test_quirks_of_the_server_and_of_a_client_add_up_in_any_order() -> None:
    own = {**QUIRK, "name": "TOKEN_ENDPOINT_AUDIENCE", "clients": ["fintech"]}
    for quirks in ([QUIRK, own], [own, QUIRK]):
        config = read(profile="oauth-2.1", quirks=quirks)
        assert config.profile.assertion_audiences == {"issuer"}
        assert config.profile_of("fintech").assertion_audiences == {"issuer", "token_endpoint"}
        assert not config.profile.pkce_required
        assert not config.profile_of("fintech").pkce_required


def test_what_connections_are_made_with_is_not_for_single_clients() -> None:
    config = read(profile="fapi1-baseline")
    rsa_only = replace(config.profile, tls12_ciphers=("ECDHE-RSA-AES128-GCM-SHA256",))
    own = rsa_only.relax(Quirk.ECDSA_SUITES, until=UNTIL, reason="an old certificate")
    with pytest.raises(ConfigurationError, match="ECDSA_SUITES"):
        replace(config, profile=rsa_only, client_profiles={"fintech": own})


def test_a_client_cannot_have_another_profile_than_the_server() -> None:
    config = read(profile="fapi2-security")
    with pytest.raises(ConfigurationError, match="may differ only by quirks"):
        replace(config, client_profiles={"fintech": OAUTH_2_1})


@pytest.mark.spec("FAPI2-MS 5.1")
@pytest.mark.parametrize(
    ("switch", "rule"),
    [
        ("signed_requests", "request_object_required"),
        ("signed_responses", "jarm_required"),
        ("signed_introspection", "signed_introspection_required"),
    ],
)
def test_each_part_of_message_signing_has_its_switch_by_client(switch: str, rule: str) -> None:
    none = dict.fromkeys(["signed_requests", "signed_responses", "signed_introspection"], False)
    for general, wanted in ((none, True), ({}, False)):
        entry = {"clients": ["fintech"], switch: wanted}
        config = read(profile="fapi2-message-signing", message_signing={**general, "for": [entry]})
        assert getattr(config.profile, rule) is not wanted
        own = config.profile_of("fintech")
        assert getattr(own, rule) is wanted
        assert replace(own, **{rule: not wanted}) == config.profile


@pytest.mark.anyio
@pytest.mark.parametrize(("switches", "status"), [({}, 400), ({"signed_requests": False}, 201)])
async def test_a_client_may_be_let_off_signed_requests(switches: dict[str, bool], status: int) -> None:
    own = {"clients": ["fintech"], "signed_responses": False, **switches}
    bank = Bank(profile="fapi2-message-signing", message_signing={"for": [own]})
    assert (await bank.client().push()).status_code == status


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("quirk", "audience", "clients", "taken"),
    [
        ("TOKEN_ENDPOINT_AUDIENCE", f"{ISSUER}/token", ["fintech"], True),
        ("TOKEN_ENDPOINT_AUDIENCE", f"{ISSUER}/token", ["payments-api"], False),
        ("NAMED_ASSERTION_AUDIENCE", "0015800001041RHAAY", ["fintech"], True),
        ("NAMED_ASSERTION_AUDIENCE", "0015800001041RHAAY", ["payments-api"], False),
        ("NAMED_ASSERTION_AUDIENCE", "0015800001041RHAAZ", ["fintech"], False),
    ],
)
async def test_the_audience_of_assertions_may_be_another_for_one_client(
    quirk: str, audience: str, clients: list[str], taken: bool
) -> None:
    named = {"assertion_audience": "0015800001041RHAAY"} if quirk.startswith("NAMED") else {}
    bank = Bank(profile="oauth-2.1", quirks=[{**QUIRK, "name": quirk, "clients": clients}], **named)
    client = bank.client()
    answer = await client.push(authentication=client.authentication(aud=audience))
    assert answer.status_code == (201 if taken else 401), answer.text


@pytest.mark.anyio
async def test_refresh_tokens_rotate_for_the_client_that_the_quirk_names() -> None:
    quirk = {**QUIRK, "name": "REFRESH_ROTATION"}
    for clients, rotated in ((["fintech"], True), (["payments-api"], False)):
        bank = Bank(quirks=[{**quirk, "clients": clients}])
        client = bank.client()
        tokens = await client.tokens()
        assert ("refresh_token" in (await client.refresh(tokens["refresh_token"])).json()) is rotated


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("switches", "plain"),
    [
        ({}, False),
        ({"signed_introspection": False}, True),
        ({"for": [{"clients": ["accounts-api"], "signed_introspection": False}]}, True),
        ({"for": [{"clients": ["payments-api"], "signed_introspection": False}]}, False),
    ],
)
async def test_where_introspection_is_signed_a_plain_answer_is_refused(
    switches: dict[str, Any], plain: bool
) -> None:
    bank = Bank(profile="fapi2-message-signing", message_signing=switches)
    api = bank.client("accounts-api")
    refused = await api.introspect("unknown")
    assert (refused.status_code == 200) is plain
    assert ("FAPI2-MS 5.5.2-1" in refused.text) is not plain
    signed = await api.introspect("unknown", accept="application/token-introspection+jwt")
    assert claims_of(signed.text)["token_introspection"] == {"active": False}


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
        ("fintech", {}, [{**QUIRK, "clients": ["fintech"]}], True),
        ("fintech", {}, [{**QUIRK, "clients": ["payments-api"]}], False),
        ("app", {}, [{**QUIRK, "clients": ["app"]}], False),
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
