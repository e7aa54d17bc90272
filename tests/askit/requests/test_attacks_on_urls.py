"""What an attacker tries with redirects, redirect URIs and the Host header."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import ISSUER, PlainClient, read_callback

pytestmark = pytest.mark.anyio

APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


# Redirects


@pytest.mark.spec("FAPI2-SP 5.3.2.2-10", "FAPI2-SP 5.3.2.1-7")
@pytest.mark.parametrize(
    "path", ["/login/", "/token/", "/par/", "/authorize/", "/decision/", "/style.css/", "//authorize"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_path_is_redirected_and_no_host_header_decides_where_to(
    client: PlainClient, path: str, method: str
) -> None:
    """307 would send a password again, to wherever the Host header says."""
    response = await client.http.request(
        method, f"{ISSUER}{path}", headers={"host": "evil.example.test"}, content=b"password=x"
    )
    assert response.status_code == 404
    assert "location" not in response.headers


@pytest.mark.spec("FAPI2-SP 5.3.2.2-8")
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:x/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1/c\tb",
        " http://127.0.0.1/cb",
        "http://127.0.0.1/cb#",
        "http://127.0.0.1:1\\@evil.example.test/cb",
        "http://[",
        "http://\u2100.example.test/",
    ],
)
async def test_a_redirect_uri_that_is_no_url_is_refused(uri: str) -> None:
    client = Bank(clients=[{**FINTECH, "redirect_uris": ["http://127.0.0.1/cb"]}, *APIS]).client()
    response = await client.push(client.request(redirect_uri=uri))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "uri",
    [
        "https://fintech.example.test/a\r\nb",
        "https://fintech.example.test:x/",
        "https://fintech.example.test:99999/",
        "https://fintech.example.test/cb#",
        "https://fintech.example.test/\u00e9",
        "https://[",
    ],
)
async def test_a_redirect_uri_that_would_break_a_header_is_not_registered(uri: str) -> None:
    asked = {**FINTECH, "redirect_uris": [uri]}
    response = (
        await Bank(initial_access_token="open")
        .browser()
        .post("/register", json=asked, headers={"authorization": "Bearer open"})
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_redirect_uri")


async def test_who_sends_nobodys_or_two_requests_is_told_on_a_page(bank: Bank, client: PlainClient) -> None:
    request_uri = await client.pushed()
    for refused in (
        await client.http.get("/authorize", params={"client_id": "nobody", "request_uri": request_uri}),
        await client.authorize(request_uri, request="x"),
    ):
        assert refused.status_code == 400
        assert "location" not in refused.headers
    assert (await client.authorize(request_uri)).status_code == 200


async def test_a_browser_that_is_known_needs_no_detour(client: PlainClient) -> None:
    await client.http.get("/grants")
    form = {"client_id": "fintech", "request_uri": await client.pushed()}
    assert (await client.post("/authorize", form)).status_code == 200


@pytest.mark.spec("RFC 6749 4.1.2.1")
async def test_a_signed_request_of_odd_types_is_refused_and_not_a_fault_of_ours() -> None:
    bank = Bank(profile="oauth-2.1")
    client = bank.client()

    async def answer(**changes: Any) -> httpx.Response:
        request = client.request_object(claims=changes)
        return await client.http.get("/authorize", params={"client_id": "fintech", "request": request})

    nowhere = await answer(redirect_uri=5)
    assert (nowhere.status_code, "location" in nowhere.headers) == (400, False)
    back = read_callback(await answer(state=["s"]))
    assert (back["error"], "state" in back) == ("invalid_request", False)
