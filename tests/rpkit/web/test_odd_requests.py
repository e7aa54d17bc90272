"""What no honest browser sends, and what no login fits into: a page that says so, never a crash or a half login."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import pytest

from tests.keys import a_key, mint
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import SITES, Browser, Site

MakeSite = Callable[..., tuple[Site, Browser]]
ENDED = (
    "This page has been used before, or belongs to another browser."
    " If you are signed in, go on; if not, please sign in again."
)


@pytest.fixture(params=SITES)
def make_site(request: pytest.FixtureRequest) -> MakeSite:
    return SITES[request.param]


def test_a_login_too_large_for_cookies_is_not_begun_by_halves(make_site: MakeSite, bank: FakeBank) -> None:
    details = [{"type": "accounts", "note": "x" * 12_000}]
    _, browser = make_site(bank, {"authorization_details": details})
    page = browser.post("/login")
    assert (page.status, browser.cookies, "location" in page.headers) == (400, {}, False)


def test_a_site_that_is_set_up_wrongly_says_so(make_site: MakeSite, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {**m, "code_challenge_methods_supported": ["plain"]}
    _, browser = make_site(bank)
    page = browser.post("/login")
    assert (page.status, "not set up correctly" in page.text) == (500, True)
    assert "plain" not in page.text


@pytest.mark.parametrize("state", [5, None, ["a"], {}])
def test_a_signed_answer_with_an_odd_state(make_site: MakeSite, bank: FakeBank, state: object) -> None:
    _, browser = make_site(bank, response_mode="jwt")
    browser.post("/login")
    page = browser.open("GET", f"/callback?{urlencode({'response': mint({'state': state}, a_key())})}")
    assert (page.status, page.text) == (400, ENDED)
    assert len(browser.cookies) >= 1, "the login under way goes on"


@pytest.mark.parametrize("response", ["x", "x.!.y", "..", ""])
def test_what_is_no_signed_answer(make_site: MakeSite, bank: FakeBank, response: str) -> None:
    _, browser = make_site(bank, response_mode="jwt")
    browser.post("/login")
    page = browser.open("GET", f"/callback?{urlencode({'response': response})}")
    assert (page.status, page.text) == (400, ENDED)


def test_an_answer_that_is_too_long_is_not_cut_short(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank, response_mode="form_post")
    start = browser.post("/login")
    long = f"{bank.authorize(start.headers['location'])}&padding={'x' * 70_000}".encode()
    assert browser.open("POST", "/callback", long).status == 400
    assert site.logins == []


def test_a_page_that_reads_the_fragment_is_shown_only_where_one_is_due(
    make_site: MakeSite, bank: FakeBank
) -> None:
    _, browser = make_site(bank)
    assert browser.open("GET", "/callback").status == 400
    _, browser = make_site(bank, response_mode="fragment")
    assert browser.open("GET", "/callback").status == 200
    refused = browser.open("GET", "/callback?error=access_denied")
    assert (refused.status, "script" in refused.text) == (400, False)


def test_a_login_that_this_browser_did_not_begin(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    query = urlsplit(bank.authorize(browser.post("/login").headers["location"])).query
    browser.cookies.clear()
    page = browser.open("GET", f"/callback?{query}")
    assert (page.status, page.text) == (400, ENDED)
    assert not bank.calls("token")
