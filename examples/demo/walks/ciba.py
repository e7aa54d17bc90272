"""The shop asks for a payment, the phone shows it, the customer agrees, and the shop pays: by poll, and by ping."""

from __future__ import annotations

import re
import time

from examples.demo.browser import Browser
from examples.demo.customer import decide_on_phone
from examples.demo.walks.discovery import require_discovery
from examples.demo.walks.step import Step, require
from examples.demo.world import World

_PATIENCE = 30.0


class CibaWalk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.till = Browser(world, "till")
        self.phone = Browser(world, "phone")

    def steps(self) -> list[Step]:
        return [
            Step("discovery: RFC 8414 and OIDC, the issuer checked", self.discovery),
            Step(
                "the shop asks for a payment, by a signed request: no browser goes to the bank",
                self.order_by_poll,
            ),
            Step(
                "the phone shows who asks, the binding message, payee and amount; the customer agrees",
                self.agree,
            ),
            Step("the shop's poll brings tokens bound to its certificate, and it pays", self.paid),
            Step("once more, by the shop that the bank pings", self.order_by_ping),
            Step("the customer compares, and agrees on the phone", self.agree),
            Step(
                "the bank pings the shop, which knows it by its token, fetches the tokens, and pays",
                self.paid,
            ),
        ]

    def discovery(self) -> None:
        require_discovery(self.world, "till")

    def order_by_poll(self) -> str:
        return self._order("poll") + " (Shortened for this demo: the shop polls every second.)"

    def order_by_ping(self) -> str:
        return self._order("ping")

    def _order(self, delivery: str) -> str:
        self.till.open(self.world.fintech)
        page = self.till.submit(press=delivery)
        shown = re.search(r"It shows (\S+) ?, or", page.text)
        require(shown is not None, f"the shop shows a binding message: {page.text}")
        assert shown is not None
        self._message = shown[1]
        return f"The shop shows {self._message}."

    def agree(self) -> None:
        page = decide_on_phone(self.phone, self.world, self._message)
        for words in ("Green Grocer Ltd", "123.50", self._message):
            require(words in page.text, f"the phone shows {words}: {page.text}")

    def paid(self) -> None:
        """The page of the order loads again each second, as its meta element says, until it is paid."""
        end = time.monotonic() + _PATIENCE
        while "Look at your phone" in self.till.open(self.till.url).text and time.monotonic() < end:
            time.sleep(1)
        text = self.till.page.text
        require("Paid" in text and "123.50" in text, f"the receipt is shown: {text}")
        for check in ("signature", "iss", "aud", "exp", "iat"):
            require(f"ID token: {check}" in text, f"the report lists the ID token's {check}: {text}")
