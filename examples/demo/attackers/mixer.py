"""The attacker who mixes two banks up: the customer began at one, and the answer of the other is brought back."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from examples.demo.attackers.refusal import Refusal
from examples.demo.banks import HARBOUR, OLD_MILL, Bank
from examples.demo.client import certificate_of
from examples.demo.customer import approve, fintech_client
from examples.demo.trace import Recorder
from examples.demo.world import World
from fapikit import FapiError
from rpkit import Start


class Mixer:
    """Owns the second bank, and wants a code of the first one: the fintech would redeem it at the wrong bank."""

    title = "A victim begins a sign-in at each bank; an attacker brings the answer of one to the other:"

    def __init__(self, world: World) -> None:
        self.world = world
        http = Recorder(world, "victim").settings(certificate_of(world))
        self._clients = {bank.name: fintech_client(world, http, bank=bank) for bank in (OLD_MILL, HARBOUR)}

    def prepare(self) -> None:
        self._start = self._begin(HARBOUR)
        other = self._begin(OLD_MILL)
        self._answer = urlsplit(approve(self.world, other.url))

    def _begin(self, bank: Bank) -> Start:
        return self._clients[bank.name].begin(
            scope="openid accounts", resources=[self.world.accounts_resource]
        )

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [self.answer_of_the_other_bank]

    def answer_of_the_other_bank(self) -> Refusal:
        title = "an answer of the other bank"
        callback = self._answer._replace(path=urlsplit(self.world.redirect_uri_of(HARBOUR)).path).geturl()
        try:
            self._clients[HARBOUR.name].complete(callback, self._start.transaction)
        except FapiError as error:
            return Refusal(title, "refused", f"{type(error).__name__}: {error.message}", error.clause or "")
        raise AssertionError(f"{title} was accepted")
