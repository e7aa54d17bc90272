"""A client that registered itself reads, changes and ends its registration; nobody else does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fapikit.errors import StoreUnavailable
from tests.askit.bank import Bank
from tests.askit.plain_client import CALLBACK, ISSUER
from tests.askit.registering import OPEN, OPENER, register, whole
from tests.keys import a_key

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank() -> Bank:
    return Bank(**OPEN)


async def _registered(bank: Bank, **changes: Any) -> dict[str, Any]:
    response = await register(bank, **changes)
    assert response.status_code == 201, response.text
    return response.json()


async def _call(
    bank: Bank, method: str, registered: dict[str, Any], body: Any = None, *, token: str | None = None
) -> httpx.Response:
    token = registered["registration_access_token"] if token is None else token
    return await bank.browser().request(
        method, registered["registration_client_uri"], json=body, headers={"authorization": f"Bearer {token}"}
    )


@pytest.mark.spec("RFC 7592 2.1", "RFC 7592 3")
async def test_a_client_reads_what_it_registered(bank: Bank) -> None:
    registered = await _registered(bank)
    assert registered["registration_client_uri"] == f"{ISSUER}/register/{registered['client_id']}"
    assert len(registered["registration_access_token"]) >= 43
    response = await _call(bank, "GET", registered)
    assert (response.status_code, response.json()) == (200, registered)
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.spec("RFC 7592 2.2")
async def test_an_update_replaces_all_that_the_client_may_say(bank: Bank) -> None:
    registered = await _registered(bank, client_uri="https://fintech.example.test/")
    moved = f"{CALLBACK}/2"
    asked = whole(registered, redirect_uris=[moved], client_name="Renamed", client_uri=None)
    response = await _call(bank, "PUT", registered, asked)
    assert response.status_code == 200
    changed = {**registered, "redirect_uris": [moved], "client_name": "Renamed"}
    del changed["client_uri"]
    assert response.json() == changed
    assert (await _call(bank, "GET", registered)).json() == changed
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    assert (await client.push()).json()["error"] == "invalid_request"
    client.redirect_uri = moved
    assert (await client.push()).status_code == 201


@pytest.mark.spec("RFC 9126 7.4")
async def test_a_redirect_uri_given_up_is_not_used_for_a_request_pushed_before(bank: Bank) -> None:
    registered = await _registered(bank)
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    request_uri = await client.pushed()
    consent = await client.submit(
        await client.authorize(request_uri), username="alice", password="wonderland"
    )
    await _call(bank, "PUT", registered, whole(registered, redirect_uris=[f"{CALLBACK}/2"]))
    for response in (
        await client.authorize(request_uri),
        await client.submit(consent, decision="approve"),
        await client.submit(consent, decision="deny"),
    ):
        assert response.status_code == 400
        assert "location" not in response.headers


@pytest.mark.spec("RFC 7592 2.2")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": None}, "invalid_client_metadata"),
        ({"client_id": "fintech"}, "invalid_client_metadata"),
        ({"client_secret": "mine"}, "invalid_client_metadata"),
        ({"client_id_issued_at": 1}, "invalid_client_metadata"),
        ({"client_secret_expires_at": 1}, "invalid_client_metadata"),
        ({"registration_access_token": "mine"}, "invalid_client_metadata"),
        ({"registration_client_uri": ISSUER}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://fintech.example.test/"]}, "invalid_redirect_uri"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
    ],
)
async def test_an_update_that_cannot_be_changes_nothing(
    bank: Bank, changes: dict[str, Any], error: str
) -> None:
    registered = await _registered(bank)
    response = await _call(bank, "PUT", registered, whole(registered, **changes))
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert (await _call(bank, "GET", registered)).json() == registered


async def test_a_secret_is_kept_while_the_method_needs_one() -> None:
    bank = Bank(**OPEN, profile="oauth-2.1")
    registered = await _registered(bank, token_endpoint_auth_method="client_secret_basic", jwks=None)
    same = await _call(bank, "PUT", registered, whole(registered))
    assert same.json() == registered
    dropped = whole(registered, client_secret=None, token_endpoint_auth_method="none")
    assert "client_secret" not in (await _call(bank, "PUT", registered, dropped)).json()


@pytest.mark.spec("RFC 7592 2.3")
async def test_a_client_that_left_has_nothing_any_more(bank: Bank) -> None:
    registered = await _registered(bank)
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    tokens = await client.tokens()
    api = bank.client("accounts-api")
    assert (await api.introspect(tokens["access_token"])).json()["active"] is True
    left = await _call(bank, "DELETE", registered)
    assert (left.status_code, left.content, left.headers["cache-control"]) == (204, b"", "no-store")
    assert (await api.introspect(tokens["access_token"])).json() == {"active": False}
    assert (await client.userinfo(tokens["access_token"])).status_code == 401
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_client"
    for method, body in (("GET", None), ("PUT", whole(registered)), ("DELETE", None)):
        assert (await _call(bank, method, registered, body)).status_code == 401


@pytest.mark.spec("RFC 7592 2.3")
async def test_a_registration_that_ended_half_does_not_live_on(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store fails after one of the two records is gone: without its token nobody could end the client."""
    registered = await _registered(bank)
    take, taken = bank.store.atake, 0

    async def once(key: str) -> bytes | None:
        nonlocal taken
        taken += 1
        if taken > 1:
            raise StoreUnavailable("gone")
        return await take(key)

    monkeypatch.setattr(bank.store, "atake", once)
    assert (await _call(bank, "DELETE", registered)).status_code == 503
    for method in ("GET", "DELETE"):
        assert (await _call(bank, method, registered)).status_code == 401
    assert await bank.server.core.clients.find(registered["client_id"]) is None


@pytest.mark.spec("RFC 7592 2")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_the_token_of_that_client_opens_its_registration(bank: Bank, method: str) -> None:
    registered, other = await _registered(bank), await _registered(bank)
    for token in ("", "wrong", OPENER, other["registration_access_token"]):
        response = await _call(bank, method, registered, whole(registered), token=token)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    configured = {**registered, "registration_client_uri": f"{ISSUER}/register/fintech"}
    assert (await _call(bank, method, configured, whole(registered))).status_code == 401
    assert (await _call(bank, "GET", registered)).json() == registered


async def test_of_two_changes_at_once_the_second_is_refused(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that ended its registration is not brought back by an update under way."""
    registered = await _registered(bank)
    registrations = bank.server.core.registrations
    replace = registrations.replace

    async def ended_meanwhile(*arguments: Any) -> bool:
        await registrations.end(registered)
        return await replace(*arguments)

    monkeypatch.setattr(registrations, "replace", ended_meanwhile)
    response = await _call(bank, "PUT", registered, whole(registered))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")
    assert await bank.server.core.clients.find(registered["client_id"]) is None


async def test_what_a_caller_puts_into_a_path_is_not_logged(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="askit")
    await bank.browser().get("/register/%1B[2J")
    assert "/register/... refused" in caplog.text
    assert "\x1b" not in caplog.text


async def test_the_token_is_not_in_the_store_and_nothing_stays_there(bank: Bank) -> None:
    registered = await _registered(bank)
    token = registered["registration_access_token"]
    stored = repr(dict(bank.store._entries))
    assert "New Fintech" in stored
    assert token not in stored
    for there in (True, False):
        for kind in ("client", "registration"):
            assert (await bank.server.core.records.read(kind, registered["client_id"]) is not None) is there
        await _call(bank, "DELETE", registered)
