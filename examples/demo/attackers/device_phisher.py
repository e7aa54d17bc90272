"""The attacker at the device flow: phishes with a code of his own, and guesses the codes of others."""

from __future__ import annotations

from collections.abc import Callable

from examples.demo.attackers.decoupled_thief import DecoupledThief
from examples.demo.attackers.refusal import Refusal
from examples.demo.customer import connect_device, poll_once
from examples.demo.walks.step import require
from rpkit import DeviceAuthorization
from rpkit.decoupled.request import DecoupledRequest

_GUESSES = 6
"""One more than the bank lets an address guess within five minutes."""


class DevicePhisher(DecoupledThief):
    title = "More televisions ask; nobody decides about the first one, and an attacker is about:"
    party = "television"
    rule = "RFC 8628 3.5"
    reference = "device_code"

    def ask(self) -> DeviceAuthorization:
        return self.client.device(scope="openid profile accounts", resources=[self.world.accounts_resource])

    def ask_what_lapses(self) -> DeviceAuthorization:
        return self.ask()

    def decide(self, request: DecoupledRequest, decision: str) -> None:
        assert isinstance(request, DeviceAuthorization)
        connect_device(self.phone, request, decision=decision)

    def attacks(self) -> list[Callable[[], Refusal]]:
        # Wrong codes come last: they lock this address out for five minutes.
        return [self.phished_link, *super().attacks(), self.guessed_code]

    def phished_link(self) -> Refusal:
        """The attacker starts a device of his own, and sends its link to the customer."""
        device = self.mallory.device(scope="openid accounts", resources=[self.world.accounts_resource])
        page = self.phone.open(device.verification_uri_complete or "")
        for words in ("Mallory Ltd", device.user_code, "127.0.0.1"):
            require(words in page.text, f"the page shows {words}: {page.text}")
        code = poll_once(self.mallory, self.mallorys_http, device)
        require(code == "authorization_pending", f"the link alone decides nothing, but {code} came")
        self.phone.submit(press="no")
        return self.denied("a phished link: it still asks", self.mallory, device, "RFC 8628 5.4")

    def guessed_code(self) -> Refusal:
        statuses = []
        self.phone.open(f"{self.world.bank}/device")
        for _ in range(_GUESSES):
            page = self.phone.submit({"user_code": "BCDF-GHJK"})
            statuses.append(self.phone.status)
            if not page.forms:
                break
        require(statuses[-1] == 429, f"guessing is stopped by 429, not {statuses}: {page.text}")
        return Refusal("guessed codes", "429", page.text.partition("For developers: ")[2], "RFC 8628 5.1")
