"""A client_id that is the URL of the client's metadata. One good document, one mistake at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from askit import AuthorizationServer
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, an_api
from tests.askit.hosting import TLS, Hosting, hosting
from tests.askit.plain_client import ACCOUNTS, CALLBACK, PlainClient, without
from tests.keys import a_key, claims_of

pytestmark = pytest.mark.anyio

KEYS = {"keys": [dict(a_key("ES256", 7).public_jwk)]}
DOCUMENT: dict[str, Any] = {
    "client_name": "The Agent",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
}
WITH_KEYS = {**DOCUMENT, "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}


@pytest.fixture
async def web() -> AsyncIterator[Hosting]:
    async with hosting(path="/agent/client.json") as running:
        put(running)
        yield running


def put(web: Hosting, document: Mapping[str, Any] = DOCUMENT, **changes: Any) -> None:
    """Put the document at its URL, with changes; a change of None takes a member away."""
    web.body = json.dumps(without({"client_id": web.uri, **document, **changes})).encode()


def a_bank(hosts: list[str] | None = None, **changes: Any) -> Bank:
    given: dict[str, Any] = {
        "profile": "oauth-2.1",
        "registration": {"scopes": ["openid", "accounts"]},
        "client_metadata_documents": {"hosts": ["localhost"] if hosts is None else hosts},
        "http": TLS,
        **changes,
    }
    return Bank(**given)


class Agent(PlainClient):
    """A public client: it names itself, and proves nothing."""

    def authentication(self, assertion: str | None = None, **claims: Any) -> dict[str, str]:
        return {"client_id": self.client_id}


def an_agent(bank: Bank, url: str) -> Agent:
    return Agent(http=bank.browser(), clock=bank.clock, client_id=url)


async def page_for(bank: Bank, url: str, **changes: Any) -> httpx.Response:
    """What a user sees who is sent to the bank with this client_id."""
    query = an_agent(bank, url).request(client_id=url, **changes)
    return await bank.browser().get("/authorize", params=query)


# A good document


@pytest.mark.spec("CIMD 3", "CIMD 6.5", "CIMD 4.5")
async def test_a_client_that_never_registered_signs_its_user_in_and_its_host_is_shown(web: Hosting) -> None:
    bank = a_bank()
    agent = an_agent(bank, web.uri)
    login = await agent.authorize(await agent.pushed())
    consent = await agent.submit(login, username="alice", password="wonderland")
    host = web.uri.split("/")[2]
    assert "The Agent" in consent.text
    assert f'<span class="origin">{host}</span>' in consent.text
    tokens = await agent.tokens()
    claims = claims_of(tokens["access_token"])
    assert (claims["client_id"], claims["aud"], claims["sub"]) == (web.uri, ACCOUNTS, "user-alice")
    assert (await agent.refresh(tokens["refresh_token"])).status_code == 200
    assert web.seen == ["/agent/client.json"]
    assert (await agent.push(agent.request(redirect_uri=f"{CALLBACK}/other"))).status_code == 400
    assert (await agent.push(agent.request(scope="payments"))).status_code == 400  # beyond [registration]


@pytest.mark.spec("CIMD 6.2")
@pytest.mark.parametrize("method", ["private_key_jwt", None])
async def test_a_client_with_keys_authenticates_with_them(web: Hosting, method: str | None) -> None:
    put(web, WITH_KEYS, token_endpoint_auth_method=method)
    bank = a_bank(profile="fapi2-security")
    client = bank.client(web.uri, key=a_key("ES256", 7))
    assert (await client.tokens())["token_type"] == "DPoP"
    assert (await bank.client(web.uri, key=a_key("ES256", 8)).push()).json()["error"] == "invalid_client"
    assert (await an_agent(bank, web.uri).push()).json()["error"] == "invalid_client"
    rotated = {"keys": [dict(a_key("ES256", 8).public_jwk)]}
    put(web, WITH_KEYS, jwks=rotated)
    bank.clock.advance(301)
    assert (await client.push()).status_code == 401
    assert (await bank.client(web.uri, key=a_key("ES256", 8)).push()).status_code == 201


async def test_the_metadata_say_so_and_only_where_it_is_so() -> None:
    for bank, said in ((a_bank(), True), (a_bank(client_metadata_documents=None), False)):
        metadata = (await bank.browser().get("/.well-known/oauth-authorization-server")).json()
        assert metadata["client_id_metadata_document_supported"] is said


# How long it counts


@pytest.mark.spec("CIMD 4.4")
@pytest.mark.parametrize(
    ("control", "seconds"),
    [(None, 300), ("max-age=120", 120), ("max-age=1", 60), ("no-store", 60), ("max-age=999999", 3600)],
)
async def test_it_is_kept_as_its_server_allows_within_bounds(
    web: Hosting, control: str | None, seconds: int
) -> None:
    web.headers = {} if control is None else {"cache-control": control}
    bank = a_bank()
    assert (await page_for(bank, web.uri)).status_code == 200
    bank.clock.advance(seconds - 1)
    assert (await page_for(bank, web.uri)).status_code == 200
    assert len(web.seen) == 1
    bank.clock.advance(2)
    assert (await page_for(bank, web.uri)).status_code == 200
    assert len(web.seen) == 2


@pytest.mark.spec("CIMD 4.3", "CIMD 4.4")
@pytest.mark.parametrize("broken", [{"status": 404}, {"status": 503}, {"body": b"{"}, {"body": None}])
async def test_no_failure_is_cached(web: Hosting, broken: dict[str, Any]) -> None:
    bank = a_bank()
    for name, value in broken.items():
        setattr(web, name, value)
    assert (await page_for(bank, web.uri)).status_code in (400, 503)
    web.status = 200
    put(web)
    assert (await page_for(bank, web.uri)).status_code == 200


@pytest.mark.spec("CIMD 4.3")
async def test_while_its_server_does_not_answer_nothing_begins_and_what_was_issued_stays(
    web: Hosting,
) -> None:
    bank = a_bank()
    agent = an_agent(bank, web.uri)
    tokens = await agent.tokens()
    bank.clock.advance(299)
    token = (await agent.refresh(tokens["refresh_token"])).json()["access_token"]
    bank.clock.advance(10)
    web.status = 503
    assert (await page_for(bank, web.uri)).status_code == 503
    assert (await agent.refresh(tokens["refresh_token"])).status_code == 503
    assert (await bank.client("accounts-api").introspect(token)).json()["active"] is True
    listed = await agent.http.get("/grants")
    assert "The Agent" in listed.text
    web.status = 404
    assert (await agent.refresh(tokens["refresh_token"])).json()["error"] == "invalid_client"


async def test_a_user_ends_a_grant_of_a_client_whose_server_is_gone(web: Hosting) -> None:
    bank = a_bank()
    agent = an_agent(bank, web.uri)
    tokens = await agent.tokens()
    web.status = 503
    restarted = AuthorizationServer(bank.config, store=bank.store, http=TLS, clock=bank.clock)
    agent.http._transport = httpx.ASGITransport(app=restarted)
    page = await agent.http.get("/grants")
    assert (page.status_code, web.uri in page.text) == (
        200,
        True,
    )  # by its URL, because nothing is fetched for it
    assert len(web.seen) == 1
    assert (await agent.submit(page)).status_code == 200
    web.status = 200
    assert (await agent.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_many_who_ask_at_once_cause_one_fetch(web: Hosting) -> None:
    bank = a_bank()
    web.may = asyncio.Event()
    asking = [asyncio.create_task(page_for(bank, web.uri)) for _ in range(5)]
    while not web.seen:
        await asyncio.sleep(0.01)
    web.may.set()
    assert [(await each).status_code for each in asking] == [200] * 5
    assert len(web.seen) == 1


async def test_a_host_is_one_host_by_whichever_port_and_in_whichever_letters(web: Hosting) -> None:
    bank = a_bank(limits={"waiting_per_client": 2})
    web.may = asyncio.Event()
    slow = [asyncio.create_task(page_for(bank, f"{web.uri}?{number}")) for number in range(2)]
    await web.heard(2)
    async with hosting(path="/agent/client.json") as other:
        for url in (other.uri, other.uri.replace("localhost", "LocalHost")):
            assert (await page_for(bank, url)).status_code == 503
        assert other.seen == []
    web.may.set()
    await asyncio.gather(*slow)


# One mistake

UNUSABLE: dict[str, dict[str, Any]] = {
    "another client_id": {"client_id": "https://localhost/other.json"},
    "no client_id": {"client_id": None},
    "a secret": {"client_secret": "hush"},
    "the end of a secret": {"client_secret_expires_at": 0},
    "a method with a secret": {"token_endpoint_auth_method": "client_secret_basic"},
    "a method with a shared key": {"token_endpoint_auth_method": "client_secret_jwt"},
    "a method that nobody knows": {"token_endpoint_auth_method": "magic"},
    "keys that are needed": {"token_endpoint_auth_method": "private_key_jwt"},
    "a private key": {"jwks": {"keys": [a_key("ES256", 7).to_private_jwk()]}},
    "a redirect URI in the clear": {"redirect_uris": ["http://fintech.example.test/"]},
    "no redirect URI": {"redirect_uris": None},
    "a grant that nobody knows": {"grant_types": ["password"]},
    "a name that is no text": {"client_name": 7},
    "more than 5 kilobytes": {"client_uri": "https://localhost/" + "x" * 5120},
}


@pytest.mark.spec("CIMD 4.1", "CIMD 6.6")
@pytest.mark.parametrize("what", UNUSABLE)
async def test_a_document_with_one_mistake(web: Hosting, what: str) -> None:
    put(web, **UNUSABLE[what])
    bank = a_bank()
    assert (await page_for(bank, web.uri)).status_code == 400
    refused = await an_agent(bank, web.uri).push()
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")


@pytest.mark.spec("CIMD 4")
@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (301, {"location": "https://localhost/"}, 400),
        (302, {"location": "/agent/client.json"}, 400),
        (201, {}, 400),
        (204, {}, 400),
        (404, {}, 400),
        (429, {}, 503),
        (500, {}, 503),
    ],
)
async def test_only_200_and_no_redirect(
    web: Hosting, status: int, headers: dict[str, str], expected: int
) -> None:
    web.status, web.headers = status, headers
    assert (await page_for(a_bank(), web.uri)).status_code == expected
    assert len(web.seen) == 1


NOT_FETCHED = [
    "http://localhost:{port}/agent/client.json",
    "https://localhost:{port}",
    "https://localhost:{port}/",
    "https://localhost:{port}/agent/../agent/client.json",
    "https://localhost:{port}/./agent/client.json",
    "https://localhost:{port}/%2e%2e/agent/client.json",
    "https://localhost:{port}/agent/client.json#x",
    "https://user@localhost:{port}/agent/client.json",
    "https://user:password@localhost:{port}/agent/client.json",
    "https://localhost:{port}/agent/client.json?" + "x" * 512,
    "https://localhost:{port}/agent\\client.json",
    "https://127.0.0.1:{port}/agent/client.json",
    "https://elsewhere.example.test/agent/client.json",
    "https://localhost.evil.example.test/agent/client.json",
]


@pytest.mark.spec("CIMD 3", "CIMD 6.4")
@pytest.mark.parametrize("template", NOT_FETCHED)
async def test_what_cannot_be_a_client_id_or_lies_elsewhere_is_not_fetched(
    web: Hosting, template: str
) -> None:
    port = web.uri.split(":")[2].split("/")[0]
    assert (await page_for(a_bank(), template.format(port=port))).status_code == 400
    assert web.seen == []


@pytest.mark.spec("CIMD 6.4")
@pytest.mark.parametrize("hosts", [["localhost"], ["*"]])
async def test_beyond_development_only_public_addresses_are_connected_to(
    web: Hosting, hosts: list[str]
) -> None:
    bank = a_bank(hosts, development_only=False)
    assert (await page_for(bank, web.uri)).status_code == 503  # no connection, so no word about the document
    assert web.seen == []


async def test_unless_the_settings_say_so_nothing_is_fetched(web: Hosting) -> None:
    bank = a_bank(client_metadata_documents=None)
    assert (await page_for(bank, web.uri)).status_code == 400
    assert (await an_agent(bank, web.uri).push()).status_code == 401
    assert web.seen == []


async def test_a_profile_without_public_clients_takes_none_from_a_document(web: Hosting) -> None:
    assert (await page_for(a_bank(profile="fapi2-security"), web.uri)).status_code == 400


async def test_where_a_software_statement_is_required_a_document_is_no_way_around(web: Hosting) -> None:
    put(web, software_statement="a.b.c", software_statement_issuer="https://directory.example.test")
    trust = {"issuer": "https://directory.example.test", "jwks": KEYS}
    policy = {"scopes": ["openid"], "software_statement_required": True}
    bank = a_bank(registration=policy, software_statement_issuers=[trust])
    page = await page_for(bank, web.uri)
    assert page.status_code == 400


async def test_a_configured_client_stays_what_it_is_whatever_lies_at_its_id(web: Hosting) -> None:
    configured = {**WITH_KEYS, "client_id": web.uri, "client_name": "Configured"}
    bank = a_bank(clients=[configured, an_api("accounts-api", 3), an_api("payments-api", 4)])
    page = await page_for(bank, web.uri, scope="openid")
    assert (page.status_code, "Configured" in page.text) == (200, True)
    assert web.seen == []


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ([], "is empty"),
        (["https://localhost"], "without scheme"),
        (["localhost:443"], "without scheme"),
        (["Localhost"], "lower case"),
        (["localhost/x"], "without scheme"),
        ([""], "without scheme"),
    ],
)
def test_the_settings_are_checked(hosts: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        a_bank(hosts)


async def test_the_name_of_a_client_is_no_markup(web: Hosting) -> None:
    put(web, client_name="<b>Bank</b>")
    assert "<b>Bank" not in (await page_for(a_bank(), web.uri)).text
    assert quote(web.uri, safe="") not in web.seen
