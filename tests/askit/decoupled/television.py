"""A device without a browser, and the user who holds it: each step over HTTP, with what a test changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.plain_client import PlainClient, without

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TELEVISION: dict[str, Any] = {
    **FINTECH,
    "client_id": "television",
    "client_name": "Television <One>",
    "grant_types": [DEVICE_CODE, "refresh_token"],
}
PUBLIC: dict[str, Any] = {
    "client_id": "public-television",
    "client_name": "Television Two",
    "grant_types": [DEVICE_CODE, "refresh_token"],
    "token_endpoint_auth_method": "none",
}


def a_bank(*clients: Mapping[str, Any], **changes: Any) -> Bank:
    """A bank with a television among its clients, and with these."""
    known = [FINTECH, OTHER, TELEVISION, *clients, an_api("accounts-api", 3), an_api("payments-api", 4)]
    return Bank(clients=known, **changes)


class Television(PlainClient):
    """Starts requests and polls."""

    async def start(
        self, *, proof: str | None = None, headers: Mapping[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        form = without({"scope": "openid accounts", **self.authentication(), **changes})
        return await self.post(
            "/device_authorization", form, {**({"dpop": proof} if proof else {}), **(headers or {})}
        )

    async def started(self, **changes: Any) -> dict[str, Any]:
        """The codes of a request that is accepted."""
        response = await self.start(**changes)
        assert response.status_code == 200, response.text
        return response.json()

    async def poll(self, codes: Mapping[str, Any], *, key: Any = None, **changes: Any) -> httpx.Response:
        form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"], **changes}
        return await self.token(without(form), key=key)

    async def told(self, codes: Mapping[str, Any], **changes: Any) -> str:
        """The error of a poll, or `tokens`."""
        response = await self.poll(codes, **changes)
        return "tokens" if response.status_code == 200 else str(response.json()["error"])


class PublicTelevision(Television):
    """One that proves nothing of itself."""

    def authentication(self, assertion: str | None = None, **claims: Any) -> dict[str, str]:
        return {"client_id": self.client_id}


def television(bank: Bank, **more: Any) -> Television:
    return Television(**{"http": bank.browser(), "clock": bank.clock, "client_id": "television", **more})


def public_television(bank: Bank, **more: Any) -> PublicTelevision:
    given = {"http": bank.browser(), "clock": bank.clock, "client_id": "public-television", **more}
    return PublicTelevision(**given)


class Holder:
    """The user in front of the device, with a browser."""

    def __init__(self, bank: Bank, *, address: str = "192.0.2.8") -> None:
        self.browser = bank.client(http=bank.browser(address))

    async def type_code(self, code: str) -> httpx.Response:
        """The page after the code was typed."""
        page = await self.browser.http.get("/device")
        return await self.browser.submit(page, user_code=code)

    async def scan(self, codes: Mapping[str, Any]) -> httpx.Response:
        """The page of the complete URI."""
        return await self.browser.http.get(codes["verification_uri_complete"])

    async def at_consent(
        self, page: httpx.Response, *, username: str = "alice", password: str = "wonderland"
    ) -> httpx.Response:
        """From the page about the device to consent."""
        assert 'name="holds"' in page.text, page.text
        page = await self.browser.submit(page, holds="yes")
        if 'name="password"' in page.text:
            page = await self.browser.submit(page, username=username, password=password)
        return page

    async def decide(self, code: str, decision: str = "approve", **who: str) -> httpx.Response:
        """Type, say yes, sign in, decide: the last page."""
        page = await self.at_consent(await self.type_code(code), **who)
        assert 'name="decision"' in page.text, page.text
        return await self.browser.submit(page, decision=decision)


def seen(page: httpx.Response) -> str:
    """The words of a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text))
