"""Many tabs and previews: what a browser does beside the straight way through a sign-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rpkit.web import browser_logins
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.web.sites import SITES, Browser, Site

MakeSite = Callable[..., tuple[Site, Browser]]


@pytest.fixture(params=SITES)
def make_site(request: pytest.FixtureRequest) -> MakeSite:
    return SITES[request.param]


def begun(browser: Browser, bank: FakeBank) -> str:
    """The callback of a login that was begun in one more tab."""
    return bank.authorize(browser.post("/login").headers["location"])


def test_the_oldest_login_gives_way(make_site: MakeSite, bank: FakeBank) -> None:
    _, browser = make_site(bank)
    tabs = [begun(browser, bank) for _ in range(browser_logins.MAX_LOGINS + 2)]
    statuses = [browser.open("GET", callback).status for callback in tabs]
    assert statuses == [400, 400] + [200] * browser_logins.MAX_LOGINS


def test_the_oldest_login_gives_way_whatever_order_the_cookies_come_in(
    make_site: MakeSite, bank: FakeBank
) -> None:
    _, browser = make_site(bank)
    tabs = []
    for _ in range(browser_logins.MAX_LOGINS + 1):
        tabs.append(begun(browser, bank))
        bank.clock.advance(1)
        browser.cookies = dict(sorted(browser.cookies.items()))
    assert [browser.open("GET", callback).status for callback in tabs] == [400] + [
        200
    ] * browser_logins.MAX_LOGINS


def test_a_preview_finishes_no_login(make_site: MakeSite, bank: FakeBank) -> None:
    site, browser = make_site(bank)
    callback = begun(browser, bank)
    assert browser.open("HEAD", callback).status == 200
    assert not bank.calls("token")
    assert browser.open("GET", callback).status == 200
    assert len(site.logins) == 1
