"""The attacker at the APIs with any stolen token: what must fail whether it is bound or not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.client import certificate_of
from examples.demo.customer import approve, begin_payment, fintech_client
from examples.demo.payment import payment
from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import World
from fapikit.io.tls import client_context
from rpkit import TokenSet


class TokenThief:
    """Uses the tokens of a victim's second sign-in. Subclasses add the attacks that a binding prevents."""

    title = "A victim signs in once more; an attacker steals what can be stolen:"

    def __init__(self, world: World) -> None:
        self.world = world
        self._recorder = Recorder(world, "attacker")
        self._victim = Recorder(world, "victim")
        tls = client_context(ca=world.path("ca.pem"))
        self.http = self._recorder.watch(httpx.Client(verify=tls, trust_env=False))
        self._client = fintech_client(world, self._victim.settings(certificate_of(world)))

    def prepare(self) -> None:
        """The victim signs in once more, for one payment. The stolen tokens are kept here."""
        self.stolen = self._sign_in()

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [*self.attacks_on_possession(), self.another_amount, self.second_payment, self.other_api]

    def attacks_on_possession(self) -> list[Callable[[], Refusal]]:
        """The attacks that depend on what the tokens are bound to."""
        raise NotImplementedError

    def _sign_in(self) -> TokenSet:
        start = begin_payment(self._client, self.world)
        callback = approve(self.world, start.url)
        login = self._client.complete(callback, start.transaction, resource=self.world.accounts_resource)
        return self._client.refresh(login.tokens, resource=self.world.payments_resource)

    def another_amount(self) -> Refusal:
        answer = self._pay(payment(amount="9999.00"))
        return self.refused("a payment with another amount", answer, 403, "RFC 9396 9")

    def second_payment(self) -> Refusal:
        require(self._pay(payment()).status_code == 201, "the payment consented is executed")
        answer = self._pay(payment())
        return self.refused("the same payment a second time", answer, 409, "RFC 9396 9")

    def other_api(self) -> Refusal:
        with self.api(self.world.accounts_resource, [], token_for=self.world.payments_resource) as api:
            answer = api.get(self.world.accounts_resource)
        return self.refused("a token meant for the other API", answer, 401, "RFC 9068 4-4")

    def _pay(self, detail: dict[str, Any]) -> httpx.Response:
        with self.api(self.world.payments_resource, []) as api:
            key = str(uuid.uuid4())
            return api.post(self.world.payments_resource, json=detail, headers={"Idempotency-Key": key})

    @contextmanager
    def api(
        self, url: str, seen: list[httpx.Request], *, token_for: str | None = None
    ) -> Iterator[httpx.Client]:
        """The victim's own client for the API at `url`, with the token for that API or, wrongly, for another one."""
        hooks = {"request": [seen.append]}
        with self._client.api(self.stolen, base_url=url, resource=token_for or url, event_hooks=hooks) as api:
            yield api

    def refused(self, title: str, answer: httpx.Response, status: int, rule: str) -> Refusal:
        require(
            answer.status_code == status,
            f"{title}: {status} expected, {answer.status_code} came: {answer.text}",
        )
        challenge = answer.headers.get("www-authenticate")
        return Refusal(title, str(answer.status_code), challenge or answer.text.strip(), rule)
