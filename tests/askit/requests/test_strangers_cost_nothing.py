"""Whoever proves nothing takes no room in the store: what is kept of a request is sealed into its own URI."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.issuing.keys import SEAL_CHANGES
from askit.requests.request_uris import INTERACTION
from fapikit.profiles import PROFILES
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import ISSUER, PlainClient, read_callback

pytestmark = pytest.mark.anyio

PUBLIC = {
    "client_id": "public",
    "redirect_uris": FINTECH["redirect_uris"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}
CLIENTS = [FINTECH, PUBLIC, an_api("accounts-api", 3), an_api("payments-api", 4)]


@pytest.fixture
def bank() -> Bank:
    """One whose profile lets requests come through the browser, and has public clients."""
    return Bank(profile="oauth-2.1", clients=CLIENTS)


@pytest.fixture
def public(bank: Bank) -> PlainClient:
    return bank.client("public")


def _direct(client: PlainClient, **changes: Any) -> dict[str, Any]:
    return {**client.request(**changes), "client_id": client.client_id}


async def _open(client: PlainClient, **changes: Any) -> httpx.Response:
    return await client.http.get("/authorize", params=_direct(client, **changes))


def _uri(page: httpx.Response) -> str:
    found = re.search(r'name="request_uri" value="([^"]+)"', page.text)
    assert found, page.text
    return unescape(found[1])


async def _push(client: PlainClient, proof: str | None = None, **changes: Any) -> httpx.Response:
    return await client.push(
        client.request(**changes), authentication={"client_id": client.client_id}, proof=proof
    )


async def _proof(client: PlainClient, path: str) -> str:
    """A proof with the server's nonce."""
    await client.post(
        f"/{path}", {"client_id": client.client_id}, {"dpop": client.proof("POST", f"{ISSUER}/{path}")}
    )
    return client.proof("POST", f"{ISSUER}/{path}")


async def _pushed_with_a_proof(client: PlainClient) -> httpx.Response:
    return await _push(client, await _proof(client, "par"))


async def _redeems_a_made_up_code(client: PlainClient) -> httpx.Response:
    return await client.token(client.code_form("made-up"), authentication={"client_id": client.client_id})


async def _refreshes_a_made_up_token(client: PlainClient) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": "made-up"}
    return await client.token(form, authentication={"client_id": client.client_id})


async def _posted(client: PlainClient) -> httpx.Response:
    return await client.follow(await client.post("/authorize", _direct(client)))


async def _posted_with_a_cookie(client: PlainClient) -> httpx.Response:
    await _open(client)
    return await client.post("/authorize", _direct(client))


async def _signed_by_value(client: PlainClient) -> httpx.Response:
    fintech = PlainClient(http=client.http, clock=client.clock)
    query = {"client_id": "fintech", "request": fintech.request_object()}
    return await client.http.get("/authorize", params=query)


async def _silent(client: PlainClient) -> httpx.Response:
    return await _open(client, prompt="none")


async def _opens_what_was_pushed(client: PlainClient) -> httpx.Response:
    return await client.authorize((await _push(client)).json()["request_uri"])


async def _decides_without_signing_in(client: PlainClient) -> httpx.Response:
    page = await _open(client)
    forged = httpx.Response(200, text=page.text.replace('action="/login"', 'action="/decision"'))
    return await client.submit(forged, decision="approve")


async def _loads_its_page_again(client: PlainClient) -> httpx.Response:
    query = {"client_id": client.client_id, "request_uri": _uri(await _open(client))}
    return await client.http.get("/interaction", params=query)


async def _own_pages(client: PlainClient) -> httpx.Response:
    return await client.http.get("/grants")


async def _signs_out(client: PlainClient) -> httpx.Response:
    return await client.http.get("/end_session", params={"client_id": client.client_id, "state": "x"})


async def _asks_userinfo(client: PlainClient) -> httpx.Response:
    return await client.userinfo("made-up")


STRANGERS: list[tuple[Callable[[PlainClient], Awaitable[httpx.Response]], int]] = [
    (_open, 200),
    (_posted, 200),
    (_posted_with_a_cookie, 200),
    (_signed_by_value, 200),
    (_silent, 303),
    (_push, 201),
    (_pushed_with_a_proof, 201),
    (_opens_what_was_pushed, 200),
    (_loads_its_page_again, 200),
    (_decides_without_signing_in, 200),
    (_redeems_a_made_up_code, 400),
    (_refreshes_a_made_up_token, 400),
    (_own_pages, 200),
    (_signs_out, 200),
    (_asks_userinfo, 401),
]


@pytest.mark.parametrize(("stranger", "status"), STRANGERS)
async def test_a_stranger_takes_no_room(
    bank: Bank, public: PlainClient, stranger: Callable[[PlainClient], Awaitable[httpx.Response]], status: int
) -> None:
    await bank.server.start()
    await stranger(public)  # the server's own keys are made at first need
    kept = dict(bank.store._entries)
    for _ in range(3):
        assert (await stranger(public)).status_code == status
    assert bank.store._entries == kept


async def test_what_waits_in_its_uri_is_decided_like_any_other(bank: Bank, public: PlainClient) -> None:
    """The state, nonce, challenge and details that were asked for come back, from the page to the tokens."""
    consent = await public.submit(
        await _open(public, state="s" * 5000), username="alice", password="wonderland"
    )
    callback = read_callback(await public.submit(consent, decision="approve"))
    assert callback["state"] == "s" * 5000
    redeemed = await public.token(public.code_form(callback["code"]), authentication={"client_id": "public"})
    assert redeemed.json()["scope"] == "openid accounts"


@pytest.mark.spec("RFC 9126 4b", "FAPI2-SP 5.3.2.2 N3")
@pytest.mark.parametrize("first", ["approve", "deny"])
async def test_a_sealed_request_is_answered_once(public: PlainClient, first: str) -> None:
    """However often its pages were loaded, and from however many of its URIs."""
    pushed = (await _push(public)).json()["request_uri"]
    await public.submit(await _open(public), username="alice", password="wonderland")
    consents = [await public.authorize(pushed) for _ in range(3)]
    assert len({_uri(page) for page in consents}) == 3
    assert read_callback(await public.submit(consents[0], decision=first))
    for consent in consents[1:]:
        assert (await public.submit(consent, decision="approve")).status_code == 400
    assert (await public.authorize(pushed)).status_code == 400


async def test_a_page_that_is_loaded_uses_nothing_up(public: PlainClient) -> None:
    page = await _open(public)
    for _ in range(3):
        page = await public.http.get(
            "/interaction", params={"client_id": "public", "request_uri": _uri(page)}
        )
    consent = await public.submit(page, username="alice", password="wonderland")
    assert "code" in read_callback(await public.submit(consent, decision="approve"))


async def test_what_is_sealed_is_worth_nothing_elsewhere(bank: Bank, public: PlainClient) -> None:
    """Another purpose, another client, another server, other octets."""
    opened, pushed = _uri(await _open(public)), (await _push(public)).json()["request_uri"]
    other_bank = Bank(profile="oauth-2.1", clients=CLIENTS).client("public")
    altered = opened[:-1] + ("A" if opened[-1] != "A" else "B")
    refused = [
        await public.authorize(opened),
        await public.http.get("/interaction", params={"client_id": "public", "request_uri": pushed}),
        await public.http.get("/interaction", params={"client_id": "public", "request_uri": altered}),
        await public.http.get("/interaction", params={"client_id": "public", "request_uri": opened[:60]}),
        await public.http.get("/interaction", params={"client_id": "fintech", "request_uri": opened}),
        await bank.client("fintech").authorize(pushed),
        await other_bank.authorize(pushed),
    ]
    assert [(answer.status_code, "location" in answer.headers) for answer in refused] == [(400, False)] * 7


@pytest.mark.spec("RFC 9126 2.2")
async def test_a_sealed_request_ends_in_time(bank: Bank, public: PlainClient) -> None:
    pushed = (await _push(public)).json()
    bank.clock.advance(pushed["expires_in"] - 1)
    page = await public.authorize(pushed["request_uri"])
    bank.clock.advance(1)
    assert (await public.authorize(pushed["request_uri"])).status_code == 400
    query = {"client_id": "public", "request_uri": _uri(page)}
    bank.clock.advance(INTERACTION - 2)
    assert (await public.http.get("/interaction", params=query)).status_code == 200
    bank.clock.advance(1)
    assert (await public.http.get("/interaction", params=query)).status_code == 400


async def test_its_seal_outlives_it_and_changes(bank: Bank, public: PlainClient) -> None:
    assert max(profile.par_lifetime for profile in PROFILES.values()) + INTERACTION < SEAL_CHANGES
    seals = []
    for _ in range(3):
        bank.clock.advance(SEAL_CHANGES - bank.clock() % SEAL_CHANGES - 1)
        page = await _open(public)
        seals.append(await bank.server.core.keys.request_seal())
        bank.clock.advance(INTERACTION - 1)  # now it is the next hour
        query = {"client_id": "public", "request_uri": _uri(page)}
        assert (await public.http.get("/interaction", params=query)).status_code == 200
    assert len({seal._newest for seal in seals}) == 3


async def test_another_process_of_the_same_server_opens_it(bank: Bank, public: PlainClient) -> None:
    page = await _open(public)
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)
    elsewhere = bank.client("public")
    elsewhere.http.cookies.update(public.http.cookies)
    consent = await elsewhere.submit(page, username="alice", password="wonderland")
    assert "code" in read_callback(await elsewhere.submit(consent, decision="approve"))


async def test_what_does_not_fit_into_a_url_has_to_be_pushed(bank: Bank, public: PlainClient) -> None:
    """By a client that authenticates: it waits in the store then."""
    state, hint, acr = (hashlib.shake_256(name).hexdigest(4000) for name in (b"1", b"2", b"3"))
    changes = {"state": state, "login_hint": hint, "acr_values": f"{bank.config.acr} {acr}"}
    for asked in (
        await public.post("/authorize", _direct(public, **changes)),
        await _push(public, **changes),
    ):
        assert asked.status_code == 413
    assert (await bank.client().push(bank.client().request(**changes))).status_code == 201


async def test_a_request_too_long_for_its_record_is_refused() -> None:
    client = Bank(limits={"record_octets": 1000, "registration_octets": 1000}).client()
    assert await client.pushed(state="x" * 300)
    refused = await client.push(client.request(state="x" * 900))
    assert (refused.status_code, refused.json()["error"]) == (413, "invalid_request")


@pytest.mark.spec("RFC 9449 11.1b")
async def test_a_proof_that_was_used_costs_no_code(bank: Bank, public: PlainClient) -> None:
    """It is marked once the code is known for a good one, and before the code is used."""
    codes = []
    for _ in range(2):
        page = await _open(public)
        if 'name="password"' in page.text:
            page = await public.submit(page, username="alice", password="wonderland")
        codes.append(read_callback(await public.submit(page, decision="approve"))["code"])
    own = {"client_id": "public"}
    proof = await _proof(public, "token")
    for form, status in ((codes[0], 200), (codes[1], 400)):
        answer = await public.token(public.code_form(form), authentication=own, proof=proof)
        assert answer.status_code == status
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert (await public.token(public.code_form(codes[1]), authentication=own)).status_code == 200
