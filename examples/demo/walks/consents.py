"""The customer lets a budget app see one account, adds another, looks at it at the bank, and takes it back there."""

from __future__ import annotations

import datetime as dt
import time

from examples.demo.bank import PASSWORD, PATIENCE, STATUS_LIST_TTL, USERNAME
from examples.demo.browser import Browser, Page
from examples.demo.consents import CURRENT, SAVINGS
from examples.demo.walks.discovery import require_discovery
from examples.demo.walks.step import Step, require
from examples.demo.world import World

_DAYS = 90


class ConsentsWalk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.browser = Browser(world)

    def steps(self) -> list[Step]:
        return [
            Step("discovery: RFC 8414 and OIDC, the issuer checked", self.discovery),
            Step("the budget app asks for a new grant: one account, and nothing else", self.ask),
            Step(
                f"login, and a consent page that shows the app, this account, and the end in {_DAYS} days",
                self.consent,
            ),
            Step(
                "back at the app: tokens, the name of the grant, and the balance of this account",
                self.first_account,
            ),
            Step(
                "the customer tries the other account: the API refuses, and says what is lacking", self.other
            ),
            Step(
                "the customer adds it: the consent page shows what was granted before, and what is added",
                self.widen,
            ),
            Step(
                "both balances; the app asks the bank what the grant holds, since when, until when",
                self.both_accounts,
            ),
            Step("the customer sees it at the bank: which app, which accounts, how long", self.at_the_bank),
            Step(
                "and takes it back there: a status list tells the API, and the bank refuses the app more tokens",
                self.take_back,
            ),
        ]

    def discovery(self) -> None:
        require_discovery(self.world, "browser")

    def ask(self) -> None:
        self.browser.open(self.world.fintech)
        self.browser.submit({"account": CURRENT, "seconds": str(_DAYS * 86_400)}, stop_at=self.world.bank)

    def consent(self) -> None:
        self.browser.open(self.browser.url)
        page = self.browser.submit({"username": USERNAME, "password": PASSWORD})
        self._require_words(page, "Penny Budget", CURRENT, self._last_day())
        require(SAVINGS not in page.text, f"no other account is asked for: {page.text}")

    def first_account(self) -> None:
        page = self.browser.submit(press="approve")
        self._require_words(page, CURRENT, "2450.10", f"Ends {self._last_day()}")
        require("18000.00" not in page.text, f"the other balance is not shown: {page.text}")

    def other(self) -> str:
        page = self._look_at(SAVINGS)
        self._require_words(page, "403", "insufficient_authorization_details")
        return page.text.partition("API refused ")[2]

    def widen(self) -> None:
        self.browser.open(self.world.fintech)
        page = self.browser.submit(form=0)
        self._require_words(page, SAVINGS, "This adds to what you granted", CURRENT, self._last_day())
        self.browser.submit(press="approve")

    def both_accounts(self) -> None:
        page = self.browser.open(self.world.fintech)
        self._require_words(page, CURRENT, "2450.10", SAVINGS, "18000.00", "Given", "Widened", "Ends")

    def at_the_bank(self) -> None:
        page = self.browser.open(f"{self.world.bank}/grants")
        self._require_words(page, "Penny Budget", CURRENT, SAVINGS, self._last_day())

    def take_back(self) -> str:
        """The API asks nobody about a token. It learns of the end when it reads the status list again."""
        page = self.browser.submit()
        require("Penny Budget" not in page.text, f"the bank lists it no more: {page.text}")
        end = time.monotonic() + PATIENCE
        while "has ended" not in self._look_at(CURRENT).text and time.monotonic() < end:
            time.sleep(STATUS_LIST_TTL * 1.1)  # the list may be made anew a tenth of its `ttl` later
        told = self.browser.page.text
        self._require_words(self.browser.page, "Your consent has ended at the bank", "this grant was revoked")
        return told.partition("For developers: ")[2].partition(" See where")[0]

    def _look_at(self, iban: str) -> Page:
        return self.browser.open(f"{self.world.fintech}/balance?account={iban}")

    def _require_words(self, page: Page, *words: str) -> None:
        shown = page.text.replace(" ", "")
        for each in words:
            require(each.replace(" ", "") in shown, f"the page shows {each}: {page.text}")

    def _last_day(self) -> str:
        return (dt.datetime.now(dt.UTC) + dt.timedelta(days=_DAYS)).date().isoformat()
