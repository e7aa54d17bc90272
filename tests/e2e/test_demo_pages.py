"""The demo's pages as a customer uses them: in a real browser without JavaScript, on a screen and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from examples.attack_lab.chromium import executable
from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.banks import BANKS, HARBOUR, OLD_MILL, Bank
from examples.demo.world import World
from tests.programs import installed

SCREENSHOTS = Path(".screenshots")
"""What the tests have seen, for people to look at. git ignores it."""
SCREEN, PHONE = {"width": 1100, "height": 900}, {"width": 360, "height": 740}
_POLICY = "Content Security Policy"
HOUSEHOLD = HARBOUR.accounts[0]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = installed("Chromium", executable())
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-proxy-server"])
        yield started
        started.close()


class Visitor:
    """A browser window. `complaints`: what a content security policy forbade."""

    def __init__(self, context: BrowserContext, world: World, name: str) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda told: self.complaints.append(told.text) if _POLICY in told.text else None
        )
        self._world, self._name = world, name

    def open(self, url: str) -> None:
        self.page.goto(url)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def sign_in(self) -> None:
        self.page.get_by_label("User name").fill(USERNAME)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign in")

    def link(self, bank: Bank) -> None:
        self.press(f"Sign in at {bank.title}")
        self.keep(f"sign-in-{bank.name}")
        self.sign_in()
        self.reads("Do you agree?", bank.title, "Penny Fintech", "See your accounts and their balances")
        self.press("Approve")

    def reads(self, *words: str) -> None:
        """The page shows these words. IBANs may be shown in groups."""
        shown = "".join(self.page.inner_text("body").split())
        for each in words:
            assert "".join(each.split()) in shown, self.page.inner_text("body")

    def keep(self, name: str) -> None:
        """Keep a screenshot. Nothing on the page is wider than the window."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"demo-{self._name}-{name}.png", full_page=True)
        width = (self.page.viewport_size or SCREEN)["width"]
        for selector in ("header", "main"):
            box = self.page.locator(selector).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width, (name, selector, box)


@pytest.fixture(params=["screen", "phone", "dark"])
def visitor(request: pytest.FixtureRequest, chromium: Browser, world: World) -> Iterator[Visitor]:
    context = chromium.new_context(
        java_script_enabled=False,
        ignore_https_errors=True,  # the demo's certificates are thrown away
        viewport=PHONE if request.param == "phone" else SCREEN,  # type: ignore[arg-type]
        color_scheme="dark" if request.param == "dark" else "light",
        locale="en-GB",
    )
    context.set_default_timeout(20_000)
    visitor = Visitor(context, world, request.param)
    yield visitor
    context.close()
    assert visitor.complaints == []


def balance(visitor: Visitor) -> float:
    """The large sum on the page."""
    return float(re.sub(r"[^0-9.]", "", visitor.page.inner_text(".total")))


def test_a_customer_of_two_banks_pays_and_takes_everything_back(visitor: Visitor, world: World) -> None:
    visitor.open(world.fintech)
    visitor.keep("start")
    for bank in BANKS:
        visitor.link(bank)
    visitor.reads("2 of 2 banks", *(account.iban for bank in BANKS for account in bank.accounts))
    visitor.keep("accounts")

    visitor.page.get_by_role("link", name=HOUSEHOLD.name).click()
    visitor.reads(*(movement.party for movement in HOUSEHOLD.movements))
    visitor.keep("account")
    before = balance(visitor)
    visitor.page.get_by_label("Amount in EUR").fill("31,4")
    visitor.page.get_by_label("Reference").fill("Apples & <pears>")
    visitor.press("Pay by Harbour Bank")
    visitor.reads("Harbour Bank", "31.40 EUR", "to Green Grocer Ltd", HOUSEHOLD.iban, "Apples & <pears>")
    visitor.keep("consent")
    visitor.press("Approve")
    visitor.reads("Paid", "31.40", "New balance", f"{before - 31.4:,.2f}")
    visitor.keep("receipt")
    visitor.page.get_by_role("link", name="Back to the account").click()
    assert round(before - balance(visitor), 2) == 31.4

    visitor.page.get_by_role("link", name="What you allowed").click()
    visitor.reads("one payment of EUR 31.40 to Green Grocer Ltd: made")
    visitor.keep("allowed")
    visitor.page.get_by_role("link", name="The same at Old Mill Bank").click()
    visitor.reads("Old Mill Bank", "Penny Fintech", "See your accounts and their balances")
    visitor.keep("grants")
    visitor.open(f"{world.fintech}/consents")
    visitor.page.locator(f".of-{HARBOUR.name} button", has_text="Take it back").click()
    visitor.reads("You took it back here")
    visitor.press("Try to pay all the same")
    visitor.reads("That did not work", "no longer accepts the refresh token")
    visitor.keep("refused")
    visitor.open(world.fintech)
    visitor.reads("1 of 2 banks", OLD_MILL.accounts[0].iban, "You took it back here")


def test_a_bank_speaks_the_language_of_the_browser(chromium: Browser, world: World) -> None:
    context = chromium.new_context(java_script_enabled=False, ignore_https_errors=True, locale="ja-JP")
    visitor = Visitor(context, world, "japanese")
    visitor.open(world.fintech)
    visitor.press(f"Sign in at {HARBOUR.title}")
    assert visitor.page.locator("html").get_attribute("lang") == "ja"
    visitor.reads(HARBOUR.title)
    visitor.keep("sign-in")
    visitor.page.locator("[name=username]").fill(USERNAME)
    visitor.page.locator("[name=password]").fill(PASSWORD)
    visitor.page.locator("button.primary").click()
    visitor.reads(HARBOUR.title, "口座と残高の参照")
    visitor.keep("consent")
    context.close()
