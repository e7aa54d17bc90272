"""The attacker between the parties, under FAPI 1 Advanced: an answer and a request that differ from the signed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from examples.demo.attackers.forger import Forger
from examples.demo.attackers.jws import altered, claims_of
from examples.demo.attackers.refusal import Refusal
from examples.demo.customer import approve, begin_payment
from examples.demo.walks.step import require
from examples.demo.world import CLIENT_ID
from fapikit import PrivateKey
from fapikit.flow import run_pure
from fapikit.jose.purposes import REQUEST_OBJECT
from fapikit.jose.sign import sign_jwt


class HybridForger(Forger):
    def prepare(self) -> None:
        super().prepare()
        self._answer = _parameters(self.callback)
        require("id_token" in self._answer, "the bank answers with a code and an ID token that signs it")

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [
            self.altered_hash,
            self.swapped_state,
            self.swapped_code,
            self.weak_signature,
            self.timeless_request,
        ]

    def altered_hash(self) -> Refusal:
        """s_hash is changed to match another state. The signature stays the same."""
        changed = altered(self._answer["id_token"], s_hash="AAAAAAAAAAAAAAAAAAAAAA")
        return self._answered("an altered s_hash", "OIDC 3.1.3.7-6", id_token=changed)

    def swapped_state(self) -> Refusal:
        """The bank was asked with another state, and signed that one. The attacker puts the victim's state back."""
        claims = {**self._request(), "state": "the-state-of-the-attacker"}
        asked = run_pure(sign_jwt(claims, REQUEST_OBJECT, self.world.key_of(CLIENT_ID)))
        answer = _parameters(approve(self.world, self._start.url.replace(self.request_object, asked)))
        state = self._answer["state"]
        return self._answered("a state swapped (s_hash)", "FAPI1-ADV 5.2.3.1-4", **{**answer, "state": state})

    def swapped_code(self) -> Refusal:
        """The code of another sign-in with the ID token of this one."""
        other = _parameters(approve(self.world, begin_payment(self._client, self.world).url))
        return self._answered("a code swapped for another's (c_hash)", "OIDC 3.3.2.11", code=other["code"])

    def weak_signature(self) -> Refusal:
        """RS256 is PKCS #1 v1.5, which FAPI 1 Advanced does not allow."""
        key = PrivateKey.generate("RS256", kid=self.world.key_of(CLIENT_ID).kid)
        request = run_pure(sign_jwt(self._request(), REQUEST_OBJECT, key))
        rule = self.world.profile.clause("signing_algorithms")
        return self.refused_by_the_bank("a request object that RS256 signs", request, "algorithm", rule)

    def timeless_request(self) -> Refusal:
        """Signed by the fintech itself, but without nbf, so it would be valid at any time."""
        claims = {name: value for name, value in self._request().items() if name != "nbf"}
        request = run_pure(sign_jwt(claims, REQUEST_OBJECT, self.world.key_of(CLIENT_ID)))
        rule = self.world.profile.clause("request_object_max_age")
        return self.refused_by_the_bank("a request object without nbf", request, "no nbf", rule)

    def _request(self) -> dict[str, Any]:
        return claims_of(self.request_object)

    def _answered(self, title: str, rule: str, **changes: str) -> Refusal:
        callback = f"{self.world.redirect_uri}#{urlencode({**self._answer, **changes})}"
        return self.refused_by_the_client(title, callback, rule)


def _parameters(callback: str) -> dict[str, str]:
    return dict(parse_qsl(callback.partition("#")[2]))
