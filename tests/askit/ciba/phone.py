"""The user's phone: the page with what waits for this user, read and used as a browser does."""

from __future__ import annotations

import re

import httpx

from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient

PATH = "/authentication_device"


class Phone:
    """One browser with one user."""

    def __init__(self, browser: PlainClient, username: str = "alice", password: str = "wonderland") -> None:
        self.browser = browser
        self._who = {"username": username, "password": password}

    async def look(self) -> httpx.Response:
        """The page; the user signs in first if asked."""
        page = await self.browser.http.get(PATH)
        if 'name="password"' in page.text:
            page = await self.browser.submit(page, **self._who)
        assert page.status_code == 200, page.text
        return page

    async def press(self, page: httpx.Response, about: str, decision: str = "approve") -> httpx.Response:
        """Press a button of the request on `page` that has this text."""
        (section,) = (part for part in sections(page) if about in part)
        form = httpx.Response(200, text=section)
        return await self.browser.submit(form, decision=decision)

    async def decide(self, about: str, decision: str = "approve") -> httpx.Response:
        """Look, find the request with this text, and decide."""
        return await self.press(await self.look(), about, decision)


def phone_at(bank: Bank, *who: str) -> Phone:
    """`who`: the user name and the password."""
    return Phone(bank.client(http=bank.browser("192.0.2.9")), *who)


def sections(page: httpx.Response) -> list[str]:
    """The markup of each request on the page."""
    return re.findall(r"<section class=\"granted\".*?</form>", page.text, re.DOTALL)
