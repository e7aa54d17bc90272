"""The page from which a bank fetches a login's request object, in both frameworks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from fapikit import MemoryStore
from fapikit.errors import StoreUnavailable
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import SITE, SITES, Browser, Site

MakeSite = Callable[..., tuple[Site, Browser]]
OPTIONS: dict[str, Any] = {
    "profile": "fapi1-baseline",
    "sender_constraint": None,
    "response_type": "code id_token",
    "response_mode": "form_post",
    "id_token_signed_response_alg": "ES256",
    "signed_requests": True,
    "hosted_requests": f"{SITE}/requests",
}
PAGES = {"request_object_path": "/requests"}


@pytest.fixture(params=SITES)
def make_site(request: pytest.FixtureRequest) -> MakeSite:
    return SITES[request.param]


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank(dpop=False)


def request_uri_of(browser: Browser) -> str:
    start = browser.post("/login")
    assert start.status == 303, start.text
    return parse_qs(urlsplit(start.headers["location"]).query)["request_uri"][0]


def fetched_by_nobody_we_know(browser: Browser) -> Callable[[str], bytes]:
    """The bank has no cookie."""
    stranger = Browser(browser.send)
    return lambda url: stranger.open("GET", url).text.encode()


@pytest.mark.parametrize("hosted", [f"{SITE}/requests", [f"{SITE}/requests/{'a' * 22}"]])
def test_a_whole_login(hosted: Any, make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank, PAGES, **{**OPTIONS, "hosted_requests": hosted})
    bank.fetch = fetched_by_nobody_we_know(browser)
    start = browser.post("/login")
    answer = bank.authorize(start.headers["location"])
    page = browser.post("/callback", answer.encode())
    assert (page.status, page.text) == (200, "welcome")
    assert site.logins[0].id_token.subject == "alice"


def test_the_page_gives_it_out_once(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank, PAGES, **OPTIONS)
    address = request_uri_of(browser).partition("#")[0]
    assert browser.open("HEAD", address).text == ""
    page = browser.open("GET", address)
    assert page.status == 200
    assert page.headers["content-type"] == "application/oauth-authz-req+jwt"
    assert page.headers["cache-control"] == "no-store"
    assert page.text.count(".") == 2
    for url in (address, f"{SITE}/requests/{'a' * 43}", f"{SITE}/requests/x?{urlencode({'a': 'b'})}"):
        again = browser.open("GET", url)
        assert again.status == 404
        assert "." not in again.text.removesuffix(".")


def test_a_store_that_does_not_answer(make_site: MakeSite, bank: FakeBank) -> None:
    class Broken(MemoryStore):
        def take(self, *_: Any) -> None:
            raise StoreUnavailable("gone")

        async def atake(self, *_: Any) -> None:
            raise StoreUnavailable("gone")

    _, browser = make_site(bank, PAGES, **OPTIONS, store=Broken())
    assert browser.open("GET", request_uri_of(browser).partition("#")[0]).status == 503


@pytest.mark.parametrize("hosted", [None, f"{SITE}/elsewhere", [f"{SITE}/{'a' * 22}"], lambda jwt: jwt])
def test_the_page_is_where_the_client_says(hosted: Any, make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank, PAGES, **{**OPTIONS, "hosted_requests": hosted})
    assert browser.post("/login").status == 500


def test_without_a_path_there_is_no_page(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank, **OPTIONS)
    assert browser.open("GET", request_uri_of(browser).partition("#")[0]).status == 404
