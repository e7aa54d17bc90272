"""Signing out: the user is asked, the browser goes where the client may have it go, and clients hear of it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from askit.errors import InvalidClientMetadata, InvalidRedirectUri
from askit.records import Session
from askit.users.logout import end_session
from askit.users.sessions import Browser
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.hearer import BYE, CLIENTS, Hearer, hearing
from tests.askit.plain_client import ISSUER, PlainClient
from tests.askit.registering import ASKED, OPEN, register
from tests.keys import a_key, claims_of, header_of, mint

pytestmark = pytest.mark.anyio

EVENT = "http://schemas.openid.net/event/backchannel-logout"
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


@pytest.fixture
def hearer() -> Hearer:
    return Hearer()


@pytest.fixture
def bank(hearer: Hearer) -> Bank:
    return Bank(http=hearer.http(), clients=[*CLIENTS, *APIS])


def _other(bank: Bank, client: PlainClient) -> PlainClient:
    """The other client, in the same browser."""
    return bank.client("other", http=client.http)


async def _ask(client: PlainClient, **parameters: str) -> httpx.Response:
    """A client sends the browser to sign out."""
    return await client.http.get("/end_session", params=parameters)


async def _signed_in(client: PlainClient) -> bool:
    return "What you granted" in (await client.http.get("/grants")).text


@pytest.mark.spec("OIDC RP-Initiated Logout 2", "OIDC RP-Initiated Logout 3", "RFC 9700 4.11")
async def test_the_user_is_asked_and_goes_back(bank: Bank, client: PlainClient) -> None:
    id_token = (await client.tokens())["id_token"]
    page = await _ask(
        client, client_id="fintech", id_token_hint=id_token, post_logout_redirect_uri=BYE, state="a&b"
    )
    assert page.status_code == 200
    for shown in ("Fintech One", "Alice", "https://fintech.example.test"):
        assert shown in page.text
    assert id_token not in page.text
    assert "form-action 'self' https://fintech.example.test" in page.headers["content-security-policy"]
    assert await _signed_in(client), "a page that is loaded ends nothing"
    gone = await client.submit(page)
    assert (gone.status_code, gone.headers["location"]) == (303, f"{BYE}&state=a%26b")
    assert not await _signed_in(client)


async def test_without_an_address_the_browser_stays(bank: Bank, client: PlainClient) -> None:
    await client.tokens()
    gone = await client.submit(await _ask(client, state="x"))
    assert (gone.status_code, "You have signed out" in gone.text) == (200, True)
    assert not await _signed_in(client)


async def test_whoever_is_not_signed_in_is_not_asked(bank: Bank, client: PlainClient) -> None:
    gone = await _ask(client, client_id="fintech", post_logout_redirect_uri=BYE)
    assert (gone.status_code, gone.headers["location"]) == (303, BYE)
    assert "You have signed out" in (await _ask(client)).text


async def test_an_id_token_alone_says_which_client_asks(bank: Bank, client: PlainClient) -> None:
    id_token = (await client.tokens())["id_token"]
    bank.clock.advance(3000)
    page = await _ask(client, id_token_hint=id_token, post_logout_redirect_uri=BYE)
    assert "Fintech One" in page.text
    assert (await client.submit(page)).headers["location"] == BYE


@pytest.mark.spec("OIDC RP-Initiated Logout 2")
async def test_a_post_of_another_site_is_asked_again_with_the_cookie(bank: Bank, client: PlainClient) -> None:
    """The cookie is Lax: without this the browser would seem signed out, and go on signed in."""
    id_token = (await client.tokens())["id_token"]
    form = {"id_token_hint": id_token, "post_logout_redirect_uri": BYE, "state": "s"}
    stranger = bank.client()
    moved = await stranger.post("/end_session", form)
    assert moved.status_code == 303
    query = parse_qs(urlsplit(moved.headers["location"]).query)
    assert query == {"client_id": ["fintech"], "post_logout_redirect_uri": [BYE], "state": ["s"]}
    page = await client.follow(moved)
    assert "Sign out?" in page.text
    assert "Sign out?" in (await client.post("/end_session", form)).text, "our own browser needs no detour"


REFUSED: dict[str, dict[str, str]] = {
    "an address that nobody registered": {"client_id": "fintech", "post_logout_redirect_uri": f"{BYE}2"},
    "a redirect URI of logins": {
        "client_id": "plain",
        "post_logout_redirect_uri": FINTECH["redirect_uris"][0],
    },
    "another client's address": {"client_id": "accounts-api", "post_logout_redirect_uri": BYE},
    "an address without a client": {"post_logout_redirect_uri": BYE},
    "an unknown client": {"client_id": "nobody"},
    "no JWT": {"client_id": "fintech", "id_token_hint": "x"},
    "no JWT and no client": {"id_token_hint": "x"},
}


@pytest.mark.spec("OIDC RP-Initiated Logout 3")
@pytest.mark.parametrize("what", REFUSED)
async def test_nobody_is_sent_elsewhere(hearer: Hearer, what: str) -> None:
    plain = {**FINTECH, "client_id": "plain"}
    bank = Bank(http=hearer.http(), clients=[*CLIENTS, *APIS, plain])
    client = bank.client()
    await client.tokens()
    page = await _ask(client)
    for refused in (await _ask(client, **REFUSED[what]), await client.submit(page, **REFUSED[what])):
        assert refused.status_code == 400
        assert "location" not in refused.headers
    assert await _signed_in(client)
    assert not hearer.heard


@pytest.mark.parametrize("wrong", ["another client's", "forged", "of another issuer", "without aud"])
async def test_a_hint_is_an_id_token_of_this_server_for_this_client(
    bank: Bank, client: PlainClient, wrong: str
) -> None:
    claims = claims_of((await client.tokens())["id_token"])
    key = (await bank.server.core.keys.signer()) if wrong != "forged" else a_key("ES256", 9)
    claims |= {"another client's": {"aud": "other"}, "of another issuer": {"iss": "https://x.example"}}.get(
        wrong, {}
    )
    if wrong == "without aud":
        del claims["aud"]
    hint = mint(claims, key)
    for more in ({"client_id": "fintech"}, {}):
        if wrong == "another client's" and not more:
            continue  # it speaks for that client then
        assert (await _ask(client, id_token_hint=hint, **more)).status_code == 400
    # The same, made rightly, is taken.
    right = mint({**claims, "iss": ISSUER, "aud": "fintech"}, await bank.server.core.keys.signer())
    assert (await _ask(client, id_token_hint=right)).status_code == 200


async def test_no_other_site_signs_anybody_out(bank: Bank, client: PlainClient, hearer: Hearer) -> None:
    await client.tokens()
    for form in ({}, {"csrf": "guess"}):
        assert (await client.post("/logout", form)).status_code == 403
    assert (await client.http.head("/end_session")).status_code == 405
    assert await _signed_in(client)
    assert not hearer.heard


@pytest.mark.spec("OIDC Back-Channel Logout 2.4", "OIDC Back-Channel Logout 2.5")
async def test_every_client_of_the_session_hears_of_its_end(
    bank: Bank, client: PlainClient, hearer: Hearer
) -> None:
    first = claims_of((await client.tokens())["id_token"])
    second = claims_of((await _other(bank, client).tokens())["id_token"])
    again = claims_of((await client.tokens())["id_token"])
    assert first["sid"] == second["sid"] == again["sid"]
    elsewhere = bank.client()
    assert claims_of((await elsewhere.tokens())["id_token"])["sid"] != first["sid"]
    await client.submit(await _ask(client))
    assert hearer.told == ["fintech", "other"]
    now = int(bank.clock())
    for claims, token in zip(hearer.heard, hearer.tokens, strict=True):
        jti = claims.pop("jti")
        assert len(jti) >= 22
        assert header_of(token)["typ"] == "logout+jwt"
        assert claims == {
            "iss": ISSUER,
            "aud": claims["aud"],
            "iat": now,
            "exp": now + 120,
            "sub": "user-alice",
            "sid": first["sid"],
            "events": {EVENT: {}},
            "at": f"https://{claims['aud']}.example.test/logout",
        }
    assert await _signed_in(elsewhere)


async def test_who_did_not_ask_to_hear_is_told_nothing(hearer: Hearer) -> None:
    bank = Bank(http=hearer.http(), clients=[FINTECH, hearing(OTHER), *APIS])
    client = bank.client()
    assert "sid" not in claims_of((await client.tokens())["id_token"])
    other = _other(bank, client)
    await other.tokens(scope="accounts", nonce=None)  # it knows no user of ours
    assert not any("session-clients" in key for key in bank.store._entries)
    await client.submit(await _ask(client))
    assert not hearer.heard


async def test_a_client_that_left_or_wants_to_hear_no_more_is_told_nothing(hearer: Hearer) -> None:
    bank = Bank(http=hearer.http(), clients=[hearing(FINTECH), *APIS], **OPEN)
    browser = bank.browser()
    for method in ("DELETE", "PUT"):
        uri = "https://new.example.test/logout"
        registered = (await register(bank, backchannel_logout_uri=uri)).json()
        client = bank.client(registered["client_id"], key=a_key("ES256", 7), http=browser)
        await client.tokens()
        answer = await bank.browser().request(
            method,
            registered["registration_client_uri"],
            json={**ASKED, "client_id": registered["client_id"]} if method == "PUT" else None,
            headers={"authorization": f"Bearer {registered['registration_access_token']}"},
        )
        assert answer.is_success
    client = bank.client(http=browser)
    await client.tokens()
    assert "You have signed out" in (await client.submit(await _ask(client))).text
    assert hearer.told == ["fintech"]


async def test_a_logout_token_is_signed_as_the_client_registered_and_waits_no_longer_than_a_user_would(
    hearer: Hearer,
) -> None:
    waits: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        waits.append(request.extensions["timeout"]["read"])
        return httpx.Response(200)

    hearer.answer = answer
    mine = {**hearing(FINTECH), "id_token_signed_response_alg": "PS256"}
    bank = Bank(http=hearer.http(), clients=[mine, *APIS])
    client = bank.client()
    await client.tokens()
    await client.submit(await _ask(client))
    assert (header_of(hearer.tokens[0])["alg"], waits) == ("PS256", [5.0])


async def test_where_nobody_signs_in_there_is_no_session_to_hear_of() -> None:
    bank = Bank(auto_approve="alice", clients=[*CLIENTS, *APIS])
    assert "sid" not in claims_of((await bank.client().tokens())["id_token"])
    assert not any("session-clients" in key for key in bank.store._entries)


async def test_a_claim_of_the_user_does_not_pass_for_a_session(hearer: Hearer) -> None:
    alice = {"username": "alice", "password": "wonderland", "claims": {"sid": "mine"}}
    bank = Bank(clients=[FINTECH, *APIS], users=[alice])
    tokens = await bank.client().tokens(claims={"id_token": {"sid": None}})
    assert "sid" not in claims_of(tokens["id_token"])


async def test_a_client_that_does_not_listen_holds_nobody_up(
    bank: Bank, client: PlainClient, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "fintech.example.test":
            raise httpx.ConnectError("nobody there")
        return httpx.Response(500)

    hearer.answer = answer
    await client.tokens()
    await _other(bank, client).tokens()
    gone = await client.submit(await _ask(client, client_id="fintech", post_logout_redirect_uri=BYE))
    assert gone.headers["location"] == BYE
    assert hearer.told == ["fintech", "other"]
    assert "fintech was not notified of a logout" in caplog.text
    assert "other answered 500" in caplog.text
    assert not any(token in caplog.text for token in hearer.tokens)
    assert not await _signed_in(client)


async def test_204_is_an_answer_too(
    bank: Bank, client: PlainClient, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    hearer.answer = lambda _: httpx.Response(204)
    await client.tokens()
    await client.submit(await _ask(client))
    assert (hearer.told, caplog.text) == (["fintech"], "")


async def test_of_two_sign_outs_at_once_one_tells(bank: Bank, client: PlainClient, hearer: Hearer) -> None:
    await client.tokens()
    (cookie,) = client.http.cookies.values()
    browser = Browser(
        cookie, known=True, session=await bank.server.core.records.load("session", cookie, Session)
    )
    await asyncio.gather(*(end_session(bank.server.core, browser) for _ in range(3)))
    assert hearer.told == ["fintech"]


async def test_a_login_at_two_clients_at_once_forgets_neither(
    bank: Bank, client: PlainClient, hearer: Hearer
) -> None:
    await client.http.get("/grants")
    page = await client.http.get("/grants")
    await client.submit(page, username="alice", password="wonderland")
    await asyncio.gather(client.tokens(), _other(bank, client).tokens())
    await client.submit(await _ask(client))
    assert hearer.told == ["fintech", "other"]


async def test_somebody_else_in_the_same_browser_ends_the_session_before(
    bank: Bank, client: PlainClient, hearer: Hearer
) -> None:
    await client.tokens()
    consent = await client.authorize(await client.pushed())
    login = await client.submit(consent, decision="switch")
    assert hearer.told == ["fintech"]
    await client.submit(login, username="alice", password="wonderland")
    await client.tokens()
    login = await client.authorize(await client.pushed(prompt="login"))
    await client.submit(login, username="bob", password="wrong")
    assert len(hearer.heard) == 1
    await client.submit(login, username="bob", password="builder")
    assert hearer.told == ["fintech", "fintech"]
    assert {claims["sub"] for claims in hearer.heard} == {"user-alice"}
    sid = claims_of((await client.tokens())["id_token"])["sid"]
    assert sid not in {claims["sid"] for claims in hearer.heard}


async def test_a_session_goes_on_where_its_user_signs_in_again(
    bank: Bank, client: PlainClient, hearer: Hearer
) -> None:
    """A client that asks for a fresh login is not told in its midst that the user has left."""
    first = claims_of((await client.tokens())["id_token"])
    second = claims_of((await _other(bank, client).tokens(prompt="login"))["id_token"])
    assert first["sid"] == second["sid"]
    assert not hearer.heard
    bank.clock.advance(3590)
    login = await client.authorize(await client.pushed(prompt="login"))
    await client.submit(await client.submit(login, username="alice", password="wonderland"), decision="deny")
    bank.clock.advance(3590)
    await client.submit(await _ask(client))
    assert hearer.told == ["fintech", "other"]


@pytest.mark.spec("OIDC Back-Channel Logout 2.2", "FAPI2-SP 5.3.2.2-8", "FAPI1-BL 7.5-2")
@pytest.mark.parametrize(
    ("members", "profile"),
    [
        ({"backchannel_logout_uri": "http://fintech.example.test/logout"}, "fapi2-security"),
        ({"backchannel_logout_uri": "https://fintech.example.test/logout#x"}, "fapi2-security"),
        ({"backchannel_logout_uri": 5}, "fapi2-security"),
        ({"backchannel_logout_session_required": "yes"}, "fapi2-security"),
        ({"post_logout_redirect_uris": "https://fintech.example.test/"}, "fapi2-security"),
        ({"post_logout_redirect_uris": 5}, "fapi2-security"),
        ({"post_logout_redirect_uris": ["http://fintech.example.test/"]}, "fapi2-security"),
        ({"post_logout_redirect_uris": ["http://127.0.0.1/"]}, "fapi1-baseline"),
    ],
)
def test_what_a_client_cannot_register(members: dict[str, Any], profile: str) -> None:
    with pytest.raises((InvalidClientMetadata, InvalidRedirectUri)):
        Bank(profile=profile, clients=[{**FINTECH, **members}, *APIS])
    assert Bank(profile=profile, clients=[hearing(FINTECH), *APIS])


@pytest.mark.spec("OIDC RP-Initiated Logout 2.1", "OIDC Back-Channel Logout 2.1")
async def test_the_metadata_says_so(bank: Bank) -> None:
    found = (await bank.browser().get("/.well-known/openid-configuration")).json()
    assert found["end_session_endpoint"] == f"{ISSUER}/end_session"
    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True


async def test_a_page_says_no_more_than_it_was_given(bank: Bank, client: PlainClient) -> None:
    await client.tokens()
    state = '"><script>'
    query = urlencode({"client_id": "fintech", "post_logout_redirect_uri": BYE, "state": state})
    page = await client.http.get(f"/end_session?{query}")
    assert "<script>" not in page.text
    assert (await client.submit(page)).headers["location"].endswith("&state=%22%3E%3Cscript%3E")
