"""Logins that another site begins: asked for with a GET or a POST, begun by the user's own click."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import SITE, SITES, Browser, Page, Site

ELSEWHERE = {"sec-fetch-site": "cross-site", "origin": "https://portal.example"}
TARGET = f"{SITE}/accounts?of=mine&month=5"
INITIATE = "/initiate-login"


@pytest.fixture(params=SITES)
def visit(request: pytest.FixtureRequest, bank: FakeBank) -> Callable[..., tuple[Site, Browser]]:
    return lambda **options: SITES[request.param](bank, {"initiate_path": INITIATE}, **options)


def asked(browser: Browser, method: str = "GET", **parameters: str) -> Page:
    """A browser arrives from another site."""
    text = urlencode(parameters)
    if method == "POST":
        return browser.open("POST", INITIATE, text.encode(), **ELSEWHERE)
    return browser.open("GET", f"{INITIATE}?{text}", **ELSEWHERE)


def action_of(page: Page) -> str:
    """Where the page's button posts to."""
    found = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert found
    return html.unescape(found[1])


@pytest.mark.conformance("oidc-rp", "3rd-party-init-login")
@pytest.mark.spec("OIDC 4; FAPI2-SP 5.3.3.1-12")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_oidcc_client_test_3rd_party_init_login(method: str, visit: Any, bank: FakeBank) -> None:
    site, browser = visit()
    page = asked(browser, method, iss=bank.issuer, login_hint='a"<b>', target_link_uri=TARGET)
    assert (page.status, browser.cookies) == (200, {})
    assert not bank.calls("par"), "nothing has begun"
    assert "bank.example" in page.text
    assert "<b>" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    start = browser.post(action_of(page))
    assert start.status == 303
    assert bank.calls("par")[-1].form["login_hint"] == 'a"<b>'
    assert "target_link_uri" not in bank.calls("par")[-1].form
    assert browser.open("GET", bank.authorize(start.headers["location"])).status == 200
    assert site.logins[0].target == TARGET


def test_hint_and_target_may_be_left_out(visit: Any, bank: FakeBank) -> None:
    site, browser = visit()
    page = asked(browser, iss=bank.issuer)
    assert action_of(page) == "/login"
    start = browser.post("/login")
    assert "login_hint" not in bank.calls("par")[-1].form
    browser.open("GET", bank.authorize(start.headers["location"]))
    assert site.logins[0].target is None


@pytest.mark.spec("OIDC 4")
@pytest.mark.parametrize("iss", ["https://evil.example", "https://bank.example/test/a/alias", ""])
def test_only_our_own_issuer_is_asked_about(iss: str, visit: Any, bank: FakeBank) -> None:
    _, browser = visit()
    assert asked(browser, iss=iss).status == 400
    assert asked(browser).status == 400
    assert browser.open("GET", f"{INITIATE}?iss=x&iss={bank.issuer}").status == 400


FOREIGN = [
    "https://evil.example/",
    "//evil.example/",
    "/accounts",
    "https://fintech.example@evil.example/",
    "https://fintech.example.evil.example/",
    "https://fintech.example:444/",
    "https://fintech.example\\@evil.example/",
    "http://fintech.example/",
    "javascript:alert(1)",
    "https://fintech.example/\nx",
    f"{SITE}/{'x' * 1000}",
]


@pytest.mark.spec("OIDC 4; FAPI2-SP 5.3.3.1-4")
@pytest.mark.parametrize("target", FOREIGN)
def test_no_target_elsewhere_is_taken(target: str, visit: Any, bank: FakeBank) -> None:
    _, browser = visit()
    assert asked(browser, iss=bank.issuer, target_link_uri=target).status == 400
    posted = browser.post(f"/login?{urlencode({'target_link_uri': target})}")
    assert (posted.status, bank.calls("par")) == (400, [])


@pytest.mark.spec("FAPI2-SP 5.3.3.1-12")
def test_the_click_of_another_page_begins_nothing(visit: Any, bank: FakeBank) -> None:
    _, browser = visit()
    page = asked(browser, iss=bank.issuer, target_link_uri=TARGET)
    assert browser.open("POST", action_of(page), **ELSEWHERE).status == 403
    assert not bank.calls("par")


@pytest.mark.parametrize("kind", SITES)
def test_without_its_path_the_pages_know_no_target(kind: str, bank: FakeBank) -> None:
    site, browser = SITES[kind](bank)
    assert asked(browser, iss=bank.issuer).status == 404
    start = browser.post(f"/login?{urlencode({'login_hint': 'x', 'target_link_uri': TARGET})}")
    assert "login_hint" not in parse_qs(urlsplit(start.headers["location"]).query)
    assert "login_hint" not in bank.calls("par")[-1].form
    browser.open("GET", bank.authorize(start.headers["location"]))
    assert site.logins[0].target is None


def test_a_form_that_is_too_long_is_not_cut_short(visit: Any, bank: FakeBank) -> None:
    _, browser = visit()
    assert asked(browser, "POST", iss=bank.issuer, login_hint="a" * 1000).status == 200
    assert asked(browser, "POST", iss=bank.issuer, login_hint="a" * 65_536).status == 400


def test_a_hint_of_our_own_stays_where_none_is_brought(bank: FakeBank) -> None:
    for kind in SITES:
        _, browser = SITES[kind](bank, {"initiate_path": INITIATE, "login_hint": "ours"})
        browser.post(action_of(asked(browser, iss=bank.issuer)))
        assert bank.calls("par")[-1].form["login_hint"] == "ours"
        browser.post(action_of(asked(browser, iss=bank.issuer, login_hint="theirs")))
        assert bank.calls("par")[-1].form["login_hint"] == "theirs"
