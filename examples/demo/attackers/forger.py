"""The attacker between the parties: sees the messages of a victim's sign-in, and replaces them by others."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.client import certificate_of, credentials_of
from examples.demo.customer import approve, begin_payment, fintech_client
from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import CLIENT_ID, World
from fapikit import FapiError


class Forger:
    """The common part of attackers that forge messages. Subclasses define the messages."""

    title = "A victim begins to sign in; an attacker reads along and can change what passes:"

    def __init__(self, world: World) -> None:
        self.world = world
        victim = Recorder(world, "victim").settings(certificate_of(world))
        victim.client.event_hooks["request"].append(self._overhear)
        self._client = fintech_client(world, victim)
        # The fintech's own messages pass through here. They are forwarded completely.
        self._http = Recorder(world, "attacker").settings(certificate_of(world)).client
        self.request_object = ""

    def prepare(self) -> None:
        self._start = begin_payment(self._client, self.world)
        in_the_url = parse_qs(urlsplit(self._start.url).query).get("request")
        if in_the_url is not None:
            self.request_object = in_the_url[0]
        self.callback = approve(self.world, self._start.url)

    def pushed(self, request_object: str) -> httpx.Response:
        """The bank's answer to a request object that is pushed in the fintech's name."""
        signed_in = credentials_of(self.world)
        parameters = {"client_id": CLIENT_ID, **dict(signed_in.parameters), "request": request_object}
        answer: httpx.Response = self._http.post(
            f"{self.world.bank}/par", data=parameters, headers=dict(signed_in.headers)
        )
        return answer

    def refused_by_the_bank(self, title: str, request_object: str, why: str, rule: str) -> Refusal:
        answer = self.pushed(request_object)
        require(answer.status_code == 400, f"{title}: {answer.status_code} came: {answer.text}")
        require(answer.json()["error"] == "invalid_request_object", answer.text)
        require(why in answer.json()["error_description"], f"{title}: {why} is why: {answer.text}")
        return Refusal(title, "400", answer.text.strip(), rule)

    def refused_by_the_client(self, title: str, callback: str, rule: str) -> Refusal:
        try:
            self._client.complete(callback, self._start.transaction, resource=self.world.accounts_resource)
        except FapiError as error:
            require(error.clause == rule, f"{rule} is the rule, not {error.clause}: {error}")
            return Refusal(title, "refused by the client", f"{type(error).__name__}: {error.message}", rule)
        raise AssertionError(f"{title} was accepted")

    def _overhear(self, request: httpx.Request) -> None:
        if request.url.path == "/par":
            self.request_object = parse_qs(request.content.decode())["request"][0]
