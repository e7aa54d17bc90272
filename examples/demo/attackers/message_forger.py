"""The attacker between the parties, under Message Signing: four messages that were altered, forged or swapped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.attackers.victim import approve, begin_payment, victims_client
from examples.demo.client import certificate_of
from examples.demo.trace import Recorder
from examples.demo.walk import require
from examples.demo.world import CLIENT_ID, World, payment
from fapikit import FapiError, PrivateKey, PrivateKeyJWT, base64url
from fapikit.clock import system_clock, system_random
from fapikit.flow import run_pure
from fapikit.io.tls import client_context
from fapikit.jose.purposes import JARM_RESPONSE
from fapikit.jose.sign import sign_jwt


class MessageForger:
    """Sees every message of a victim's sign-in, and sends others in their place."""

    title = "A victim begins to sign in; an attacker reads along and can change what passes:"

    def __init__(self, world: World) -> None:
        self.world = world
        victim = Recorder(world, "victim").settings(certificate_of(world))
        victim.client.event_hooks["request"].append(self._overhear)
        self._client = victims_client(world, victim)
        tls = client_context(ca=world.path("ca.pem"))
        hooks = Recorder(world, "attacker").hooks()
        self._http = httpx.Client(verify=tls, trust_env=False, event_hooks=hooks)
        self._request_object = ""

    def prepare(self) -> None:
        self._start = begin_payment(self._client, self.world)
        self._callback = approve(self.world, self._start.url)
        require("response=" in self._callback, "the bank answers with a signed response")

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [self.altered_request, self.forged_response, self.other_issuer, self.plain_response]

    def altered_request(self) -> Refusal:
        """The payment in the signed request is made a bigger one; the signature stays."""
        head, body, signature = self._request_object.split(".")
        claims = {**json.loads(base64url.decode(body)), "authorization_details": [payment(amount="9999.00")]}
        altered = ".".join((head, base64url.encode(json.dumps(claims).encode()), signature))
        signed_in = run_pure(
            PrivateKeyJWT(self.world.key_of(CLIENT_ID)).credentials(
                client_id=CLIENT_ID, audience=self.world.bank, clock=system_clock, random_bytes=system_random
            )
        )
        answer = self._http.post(
            f"{self.world.bank}/par", data={**dict(signed_in.parameters), "request": altered}
        )
        require(answer.status_code == 400, f"the altered request is refused: {answer.text}")
        require(answer.json()["error"] == "invalid_request_object", answer.text)
        return Refusal("an altered request object", "400", answer.text.strip(), "RFC 9101 6.2")

    def forged_response(self) -> Refusal:
        """The attacker's code in a response of the right shape, signed with a key of the attacker's."""
        return self._answered("a forged JARM response", self._response(iss=self.world.bank), "JARM 2.4-5")

    def other_issuer(self) -> Refusal:
        response = self._response(iss="https://another-bank.example")
        return self._answered("a JARM response from another issuer", response, "JARM 2.4-2")

    def plain_response(self) -> Refusal:
        plain = {"code": "a-code-of-the-attacker", "state": self._state(), "iss": self.world.bank}
        return self._answered("a plain response where a signed one was asked for", plain, "FAPI2-MS 5.4.2-2")

    def _response(self, *, iss: str) -> dict[str, str]:
        header = json.loads(
            base64url.decode(parse_qs(self._callback.split("?")[1])["response"][0].split(".")[0])
        )
        claims = {
            "iss": iss,
            "aud": CLIENT_ID,
            "exp": int(time.time()) + 300,
            "code": "a-code-of-the-attacker",
            "state": self._state(),
        }
        key = PrivateKey.generate("ES256", kid=header["kid"])
        return {"response": run_pure(sign_jwt(claims, JARM_RESPONSE, key))}

    def _answered(self, title: str, parameters: dict[str, str], rule: str) -> Refusal:
        try:
            self._client.complete(
                f"{self.world.redirect_uri}?{urlencode(parameters)}",
                self._start.transaction,
                resource=self.world.accounts_resource,
            )
        except FapiError as error:
            require(error.clause == rule, f"{rule} is the rule, not {error.clause}: {error}")
            return Refusal(title, "refused by the client", f"{type(error).__name__}: {error.message}", rule)
        raise AssertionError(f"{title} was accepted")

    def _state(self) -> str:
        claims: dict[str, Any] = json.loads(base64url.decode(self._request_object.split(".")[1]))
        return str(claims["state"])

    def _overhear(self, request: httpx.Request) -> None:
        if request.url.path == "/par":
            self._request_object = parse_qs(request.content.decode())["request"][0]
