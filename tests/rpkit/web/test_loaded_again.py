"""Back, Reload, many tabs and previews: what a browser does beside the straight way through a sign-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fapikit.stores.sealed import Seal
from rpkit.errors import TransactionMissing
from rpkit.web import pages as web
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import SITES, Browser, Site

MakeSite = Callable[..., tuple[Site, Browser]]


@pytest.fixture(params=SITES)
def make_site(request: pytest.FixtureRequest) -> MakeSite:
    return SITES[request.param]


def begun(browser: Browser, bank: FakeBank) -> str:
    """The callback of a login that was begun in one more tab."""
    return bank.authorize(browser.post("/login").headers["location"])


@pytest.mark.spec("RFC 9700 4.2.4")
def test_a_callback_loaded_again_leads_on_and_claims_no_failure(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    callback = begun(browser, bank)
    assert browser.open("GET", callback).status == 200
    again = browser.open("GET", callback)
    assert "has had its answer" in again.text
    assert 'href="/"' in again.text
    assert "did not work" not in again.text
    assert (len(site.logins), len(bank.calls("token"))) == (1, 1)


def test_the_oldest_login_gives_way(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    tabs = [begun(browser, bank) for _ in range(web.MAX_LOGINS + 2)]
    statuses = [browser.open("GET", callback).status for callback in tabs]
    assert statuses == [400, 400] + [200] * web.MAX_LOGINS


def test_the_oldest_login_gives_way_whatever_order_the_cookies_come_in(
    make_site: MakeSite, bank: FakeBank
) -> None:
    _, browser = make_site(bank)
    tabs = []
    for _ in range(web.MAX_LOGINS + 1):
        tabs.append(begun(browser, bank))
        bank.clock.advance(1)
        browser.cookies = dict(sorted(browser.cookies.items()))
    assert [browser.open("GET", callback).status for callback in tabs] == [400] + [200] * web.MAX_LOGINS


def test_a_preview_finishes_no_login(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    callback = begun(browser, bank)
    assert browser.open("HEAD", callback).status == 200
    assert not bank.calls("token")
    assert browser.open("GET", callback).status == 200
    assert len(site.logins) == 1


@pytest.mark.parametrize(
    ("redirect_uri", "told"),
    [("http://localhost:8000/callback", True), ("https://fintech.example/callback", False)],
)
def test_a_cookie_that_safari_drops_is_told_where_it_is_missed(redirect_uri: str, told: bool) -> None:
    request = web.WebRequest("GET", "/callback?code=x&state=y", {}, {})
    with pytest.raises(TransactionMissing) as missing:
        web.returned(request, redirect_uri, seal=Seal([b"k" * 32]))
    assert ("Safari" in web.failed(missing.value).body) is told
