"""Software statements: what a trusted directory signs wins over the request; one statement, one mistake at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer, Config
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.hosting import TLS, hosting
from tests.askit.plain_client import CALLBACK, ISSUER, without
from tests.askit.registering import OPENER, register, update, whole
from tests.clocks import NOW
from tests.keys import a_key, b64, mint

pytestmark = pytest.mark.anyio

DIRECTORY = "https://directory.example.test"
DIRECTORY_KEY, FORGED = a_key("ES256", 41), a_key("ES256", 42)
TRUST: dict[str, Any] = {"issuer": DIRECTORY, "jwks": {"keys": [dict(DIRECTORY_KEY.public_jwk)]}}
OWN_KEYS = {"keys": [dict(a_key("ES256", 8).public_jwk)]}
UNSIGNED = b64(b'{"alg":"none"}')
VOUCHED = f"{CALLBACK}/vouched"
SAID: dict[str, Any] = {
    "iss": DIRECTORY,
    "iat": NOW - 60,
    "software_id": "software-1",
    "client_name": "The Vouched Fintech",
    "redirect_uris": [VOUCHED],
}


def a_bank(
    trust: dict[str, Any] | None = None, registration: dict[str, Any] | None = None, **more: Any
) -> Bank:
    policy = {"scopes": ["openid", "accounts"], **(registration or {})}
    issuers = [without({**TRUST, **(trust or {})})]
    return Bank(
        **{
            "initial_access_token": OPENER,
            "registration": policy,
            "software_statement_issuers": issuers,
            **more,
        }
    )


def a_statement(key: Any = DIRECTORY_KEY, typ: str | None = None, **changes: Any) -> str:
    return mint(without({**SAID, **changes}), key, typ=typ)


async def refusal(bank: Bank, statement: Any, **changes: Any) -> tuple[int, str, str]:
    answer = await register(bank, software_statement=statement, **changes)
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


# What counts


@pytest.mark.spec("RFC 7591 2.3", "RFC 7591 3.1.1", "RFC 7591 3.2.1")
@pytest.mark.parametrize("typ", [None, "JWT"])
async def test_what_the_directory_says_wins_and_the_statement_comes_back_as_it_was_sent(
    typ: str | None,
) -> None:
    bank, statement = a_bank(), a_statement(typ=typ, client_uri="", scope=["openid", "accounts", "payments"])
    answer = await register(
        bank, software_statement=statement, client_name="Another", client_uri="https://fintech.example.test/"
    )
    assert answer.status_code == 201, answer.text
    registered = answer.json()
    assert registered["software_statement"] == statement
    assert (registered["client_name"], registered["redirect_uris"]) == ("The Vouched Fintech", [VOUCHED])
    assert registered["software_id"] == "software-1"
    assert registered["client_uri"] == "https://fintech.example.test/"  # the directory says nothing about it
    assert registered["scope"] == "openid accounts"  # the directory is no reason to give more than the policy
    assert not {"iss", "iat", "software_statement_issuer"} & registered.keys()
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    assert (await client.push()).status_code == 400  # to the redirect URI that only the request had
    client.redirect_uri = VOUCHED
    assert (await client.push()).status_code == 201


@pytest.mark.spec("RFC 7591 3.1.1")
@pytest.mark.parametrize("keys", [{"jwks": OWN_KEYS}, {"jwks_uri": "https://directory.example.test/keys"}])
async def test_the_keys_of_the_statement_replace_those_of_the_request(keys: dict[str, Any]) -> None:
    registered = (await register(a_bank(), software_statement=a_statement(**keys))).json()
    assert {name: registered[name] for name in ("jwks", "jwks_uri") if name in registered} == keys


async def test_a_statement_names_neither_the_client_nor_its_secret_nor_itself() -> None:
    ours = {
        "client_id": "admin",
        "client_secret": "chosen",
        "registered_from": "x",
        "software_statement": "y",
    }
    statement = a_statement(**ours, software_statement_issuer="z", registration_access_token="t")
    registered = (await register(a_bank(), software_statement=statement)).json()
    assert registered["client_id"] != "admin"
    assert registered["software_statement"] == statement
    assert registered["registration_access_token"] != "t"
    assert not {"client_secret", "registered_from", "software_statement_issuer"} & registered.keys()


@pytest.mark.spec("RFC 7519 4.1.3")
@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/register", [ISSUER, "https://other.example.test"]])
async def test_a_statement_may_be_for_this_server(aud: Any) -> None:
    assert (await register(a_bank(), software_statement=a_statement(aud=aud))).status_code == 201


async def test_the_keys_of_a_directory_may_lie_behind_a_url() -> None:
    async with hosting(path="/keys") as web:
        trust = {"issuer": DIRECTORY, "jwks_uri": web.uri}
        bank = a_bank({"jwks": None, **trust}, development_only=False, http=TLS, tls=None)
        web.body = None
        assert (await refusal(bank, a_statement()))[:2] == (503, "temporarily_unavailable")
        web.body = httpx.Response(200, json=TRUST["jwks"]).content
        bank.clock.advance(60)
        assert (await register(bank, software_statement=a_statement())).status_code == 201


@pytest.mark.spec("RFC 7591 3.1.1")
async def test_without_a_trusted_directory_a_statement_is_ignored_and_not_returned() -> None:
    answer = await register(a_bank(software_statement_issuers=[]), software_statement=a_statement())
    assert answer.status_code == 201
    assert "software_statement" not in answer.json()
    assert answer.json()["client_name"] == "New Fintech"


# One mistake


INVALID: dict[str, Callable[[], Any]] = {
    "no string": lambda: {"iss": DIRECTORY},
    "no JWT": lambda: "a statement",
    "no signature": lambda: f"{UNSIGNED}.{a_statement().split('.')[1]}.",
    "of another key": lambda: a_statement(FORGED),
    "of a key that the profile forbids": lambda: a_statement(a_key("RS256", 1)),
    "with another payload": lambda: ".".join(
        [
            a_statement().split(".")[0],
            a_statement(client_name="Mallory").split(".")[1],
            a_statement().split(".")[2],
        ]
    ),
    "another kind of JWT": lambda: a_statement(typ="at+jwt"),
    "an ID token": lambda: a_statement(nonce="n"),
    "a client assertion": lambda: a_statement(sub=DIRECTORY),
    "without an issuer": lambda: a_statement(iss=None),
    "with an issuer that is no text": lambda: a_statement(iss=[DIRECTORY]),
    "expired": lambda: a_statement(exp=NOW - 120),
    "not valid yet": lambda: a_statement(nbf=NOW + 600),
    "made in the future": lambda: a_statement(iat=NOW + 600),
    "for another server": lambda: a_statement(aud="https://other.example.test"),
    "without a software_id": lambda: a_statement(software_id=None),
    "without redirect URIs": lambda: a_statement(redirect_uris=None),
    "with redirect URIs that say nothing": lambda: a_statement(redirect_uris=[""]),
}


@pytest.mark.spec("RFC 7591 2.3", "RFC 7591 3.2.2")
@pytest.mark.parametrize("what", INVALID)
async def test_an_invalid_statement(what: str) -> None:
    assert (await refusal(a_bank(), INVALID[what]()))[:2] == (400, "invalid_software_statement")


@pytest.mark.spec("RFC 7591 3.2.2")
@pytest.mark.parametrize("iss", ["https://elsewhere.example.test", f"{DIRECTORY}/"])
async def test_a_statement_of_another_directory_is_not_approved(iss: str) -> None:
    status, code, _ = await refusal(a_bank(), a_statement(FORGED, iss=iss))
    assert (status, code) == (400, "unapproved_software_statement")


@pytest.mark.spec("RFC 7591 3.2.2")
async def test_only_approved_software() -> None:
    bank = a_bank({"software_ids": ["software-1"]})
    assert (await register(bank, software_statement=a_statement())).status_code == 201
    status, code, _ = await refusal(bank, a_statement(software_id="software-2"))
    assert (status, code) == (400, "unapproved_software_statement")


async def test_a_directory_signs_with_its_own_algorithms_only() -> None:
    bank = a_bank({"algorithms": ["PS256"]})
    assert (await refusal(bank, a_statement()))[1] == "invalid_software_statement"


async def test_an_old_statement_and_one_of_unknown_age() -> None:
    bank = a_bank({"max_age": 300})
    assert (await register(bank, software_statement=a_statement())).status_code == 201
    for changes in ({"iat": NOW - 600}, {"iat": None}):
        assert (await refusal(bank, a_statement(**changes)))[1] == "invalid_software_statement"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": ["http://fintech.example.test/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": CALLBACK}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"jwks_uri": "https://10.0.0.1/keys"}, "invalid_client_metadata"),
    ],
)
async def test_what_a_directory_says_is_checked_like_any_metadata(changes: dict[str, Any], code: str) -> None:
    bank = a_bank(development_only=False)
    assert (await refusal(bank, a_statement(**changes)))[:2] == (400, code)


# Required, updated, and no longer trusted


async def test_a_bank_may_require_one() -> None:
    bank = a_bank(registration={"software_statement_required": True})
    status, code, told = await refusal(bank, None)
    assert (status, code) == (400, "invalid_software_statement")
    assert "software_statement is missing" in told
    assert (await register(bank, software_statement=a_statement())).status_code == 201


async def _update(bank: Bank, registered: dict[str, Any], **changes: Any) -> httpx.Response:
    ours = ("registration_access_token", "registration_client_uri", "client_id_issued_at")
    asked = without({**{name: value for name, value in registered.items() if name not in ours}, **changes})
    bearer = {"authorization": f"Bearer {registered['registration_access_token']}"}
    return await bank.browser().put(registered["registration_client_uri"], json=asked, headers=bearer)


@pytest.mark.spec("RFC 7592 2.2", "RFC 7591 3.2.1")
async def test_at_an_update_the_directory_wins_too() -> None:
    bank = a_bank(registration={"software_statement_required": True})
    registered = (await register(bank, software_statement=a_statement())).json()
    same = await _update(bank, registered, client_name="Another", redirect_uris=[CALLBACK])
    assert (same.status_code, same.json()) == (200, registered)
    newer = a_statement(client_name="Renamed", redirect_uris=[CALLBACK])
    changed = (await _update(bank, registered, software_statement=newer)).json()
    assert (changed["client_name"], changed["redirect_uris"]) == ("Renamed", [CALLBACK])
    assert changed["software_statement"] == newer
    for statement in (None, a_statement(FORGED), a_statement(exp=NOW - 120)):
        refused = await _update(bank, registered, software_statement=statement)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_software_statement")
    bearer = {"authorization": f"Bearer {registered['registration_access_token']}"}
    now = await bank.browser().get(registered["registration_client_uri"], headers=bearer)
    assert now.json() == changed


@pytest.mark.parametrize(
    "changes",
    [
        {"software_statement_issuers": []},
        {"software_statement_issuers": [{**TRUST, "issuer": "https://successor.example.test"}]},
    ],
)
async def test_a_client_ends_with_the_trust_in_its_directory(changes: dict[str, Any]) -> None:
    bank = a_bank()
    registered = (await register(bank, software_statement=a_statement(redirect_uris=[CALLBACK]))).json()
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    assert (await client.push()).status_code == 201
    narrower = Config.from_mapping(
        settings(initial_access_token=OPENER, registration={"scopes": ["openid", "accounts"]}, **changes)
    )
    client.http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=AuthorizationServer(narrower, store=bank.store, clock=bank.clock)),
        base_url=ISSUER,
    )
    assert (await client.push()).json()["error"] == "invalid_client"


@pytest.mark.spec("RFC 7592 2.2", "RFC 7591 2.3")
@pytest.mark.parametrize("trusted", [True, False])
async def test_a_client_does_not_outlive_its_directory_by_an_update(trusted: bool) -> None:
    bank = a_bank()
    registered = (await register(bank, software_statement=a_statement())).json()
    config = a_bank(**({} if trusted else {"software_statement_issuers": []})).config
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=AuthorizationServer(config, store=bank.store, clock=bank.clock)),
        base_url=ISSUER,
    )
    sent = [None] if trusted else [None, registered["software_statement"]]
    for statement in sent:
        asked = whole(registered, software_statement=statement, redirect_uris=[CALLBACK])
        bearer = {"authorization": f"Bearer {registered['registration_access_token']}"}
        refused = await http.put(registered["registration_client_uri"], json=asked, headers=bearer)
        assert (refused.status_code, refused.json().get("error")) == (400, "invalid_software_statement")


async def test_a_client_may_be_vouched_for_later() -> None:
    bank = a_bank()
    changed = await update(bank, (await register(bank)).json(), software_statement=a_statement())
    assert changed.json()["redirect_uris"] == [VOUCHED]


async def test_a_client_without_a_statement_ends_when_one_is_required() -> None:
    bank = a_bank()
    registered = (await register(bank)).json()
    strict = a_bank(registration={"software_statement_required": True}).config
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    client.http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=AuthorizationServer(strict, store=bank.store, clock=bank.clock)),
        base_url=ISSUER,
    )
    assert (await client.push()).json()["error"] == "invalid_client"


# The settings


@pytest.mark.parametrize(
    ("trust", "told"),
    [
        ({"jwks": None}, "one of jwks_uri, jwks and jwks_file"),
        ({"jwks": {"keys": []}}, "no usable key"),
        ({"software_ids": []}, "software_ids"),
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": ["HS256"]}, "HS256"),
        ({"max_age": 0}, "positive number"),
        ({"client": "x"}, "not a setting"),
    ],
)
def test_the_settings_of_a_directory_are_checked(trust: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        a_bank(trust)


def test_a_directory_is_named_once() -> None:
    with pytest.raises(ConfigurationError, match="given twice"):
        a_bank(software_statement_issuers=[TRUST, TRUST])


def test_requiring_a_statement_needs_a_directory() -> None:
    with pytest.raises(ConfigurationError, match="software_statement_required"):
        a_bank(registration={"software_statement_required": True}, software_statement_issuers=[])
