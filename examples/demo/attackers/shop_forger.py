"""The attacker between shop, bank and phone (CIBA): forges pings and requests, and swaps the binding message."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from examples.demo.attackers.decoupled_thief import DecoupledThief
from examples.demo.attackers.jws import altered
from examples.demo.attackers.refusal import Refusal
from examples.demo.client import credentials_of
from examples.demo.customer import ask_customer, decide_on_phone
from examples.demo.walks.step import require
from rpkit import CibaRequest
from rpkit.decoupled.request import DecoupledRequest

LAPSE = 6
"""Seconds that the request may wait about which nobody decides."""


class ShopForger(DecoupledThief):
    title = "The shop asks more often; nobody decides about the first request, and an attacker is about:"
    party = "shop"
    rule = "CIBA 11"
    reference = "auth_req_id"

    def ask(self) -> CibaRequest:
        return ask_customer(self.client, self.world)

    def ask_what_lapses(self) -> CibaRequest:
        return ask_customer(self.client, self.world, requested_expiry=LAPSE)

    def decide(self, request: DecoupledRequest, decision: str) -> None:
        assert isinstance(request, CibaRequest)
        decide_on_phone(self.phone, self.world, request.binding_message or "", decision=decision)

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [self.forged_ping, self.swapped_message, self.unsigned, *super().attacks()]

    def forged_ping(self) -> Refusal:
        """The attacker tells the shop that the customer has decided. He knows an auth_req_id, but not the token."""
        answer = self.mallorys_http.client.post(
            self.world.notification_endpoint,
            json={"auth_req_id": self.lapsing.reference.reveal()},
            headers={"authorization": f"Bearer {'A' * 43}"},
        )
        require(answer.status_code == 401, f"a forged ping: 401 expected, {answer.status_code} came")
        return Refusal("a forged ping", "401", answer.headers["www-authenticate"], "CIBA 10.2")

    def swapped_message(self) -> Refusal:
        """The customer shall see the attacker's binding message. It is inside the shop's signed request."""
        signed = self.lapsing.request_object
        assert signed is not None
        changed = altered(signed.reveal(), binding_message="W4SCT")
        answer = self._sent({"request": changed})
        return self._refused("a swapped binding message", answer, "FAPI-CIBA 5.2.2-6")

    def unsigned(self) -> Refusal:
        """The same request, complete, from the shop itself, but not signed."""
        parameters = {"scope": "openid", "login_hint": "alice@example.test", "binding_message": "W4SCT"}
        return self._refused("an unsigned request", self._sent(parameters), "FAPI-CIBA 5.2.2-6")

    def _sent(self, parameters: dict[str, str]) -> httpx.Response:
        """The bank's answer to a request in the shop's name."""
        signed_in = credentials_of(self.world)
        answer: httpx.Response = self.http.client.post(
            f"{self.world.bank}/backchannel_authentication",
            data={**parameters, **dict(signed_in.parameters)},
            headers=dict(signed_in.headers),
        )
        return answer

    def _refused(self, title: str, answer: httpx.Response, rule: str) -> Refusal:
        require(answer.status_code == 400, f"{title}: {answer.status_code} came: {answer.text}")
        return Refusal(title, "400", answer.text.strip(), rule)
