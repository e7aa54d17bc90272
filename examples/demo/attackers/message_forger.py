"""The attacker between the parties, under Message Signing: four messages that were altered, forged or swapped."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

from examples.demo.attackers.forger import Forger
from examples.demo.attackers.jws import altered, claims_of, header_of
from examples.demo.attackers.refusal import Refusal
from examples.demo.payment import payment
from examples.demo.walks.step import require
from examples.demo.world import CLIENT_ID
from fapikit import PrivateKey
from fapikit.flow import run_pure
from fapikit.jose.purposes import JARM_RESPONSE
from fapikit.jose.sign import sign_jwt


class MessageForger(Forger):
    def prepare(self) -> None:
        super().prepare()
        require("response=" in self.callback, "the bank answers with a signed response")

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [self.altered_request, self.forged_response, self.other_issuer, self.plain_response]

    def altered_request(self) -> Refusal:
        """The amount in the signed request is increased; the signature stays the same."""
        bigger = altered(self.request_object, authorization_details=[payment(amount="9999.00")])
        return self.refused_by_the_bank(
            "an altered request object", bigger, "does not verify", "RFC 9101 6.2"
        )

    def forged_response(self) -> Refusal:
        """A response of the right form with the attacker's code, signed with a key of the attacker."""
        return self._answered("a forged JARM response", self._response(iss=self.world.bank), "JARM 2.4-5")

    def other_issuer(self) -> Refusal:
        response = self._response(iss="https://another-bank.example")
        return self._answered("a JARM response from another issuer", response, "JARM 2.4-2")

    def plain_response(self) -> Refusal:
        plain = {"code": "a-code-of-the-attacker", "state": self._state(), "iss": self.world.bank}
        return self._answered("a plain response where a signed one was asked for", plain, "FAPI2-MS 5.4.2-2")

    def _response(self, *, iss: str) -> dict[str, str]:
        header = header_of(parse_qs(self.callback.split("?")[1])["response"][0])
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
        callback = f"{self.world.redirect_uri}?{urlencode(parameters)}"
        return self.refused_by_the_client(title, callback, rule)

    def _state(self) -> str:
        return str(claims_of(self.request_object)["state"])
