"""The attacker at the APIs with a DPoP-bound token: the token without its key, and a proof that was already used."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.attackers.token_thief import TokenThief
from examples.demo.walks.step import require
from fapikit import PrivateKey
from fapikit.dpop import make_proof
from fapikit.flow import run_pure


class ProofThief(TokenThief):
    def attacks_on_possession(self) -> list[Callable[[], Refusal]]:
        return [self.stolen_token, self.replayed_proof]

    def stolen_token(self) -> Refusal:
        token = self.stolen.access_token_for(self.world.accounts_resource).reveal()
        answer = self._with_own_key("GET", self.world.accounts_resource, token)
        return self.refused("a stolen token, without its key", answer, 401, "RFC 9449 4.3-12")

    def replayed_proof(self) -> Refusal:
        seen: list[httpx.Request] = []
        with self.api(self.world.accounts_resource, seen) as api:
            require(api.get(self.world.accounts_resource).status_code == 200, "the victim's own call works")
        replay = httpx.Request(seen[-1].method, seen[-1].url, headers=seen[-1].headers)
        return self.refused("a replayed proof", self.http.send(replay), 401, "RFC 9449 11.1")

    def _with_own_key(self, method: str, url: str, token: str) -> httpx.Response:
        """The best attack without the key: prove possession of another key, with a valid nonce."""
        key = PrivateKey.generate("ES256")
        nonce: str | None = None
        while True:
            proof = run_pure(
                make_proof(
                    key,
                    method=method,
                    url=url,
                    now=time.time(),
                    jti=str(uuid.uuid4()),
                    access_token=token,
                    nonce=nonce,
                )
            )
            answer = self.http.request(method, url, headers={"authorization": f"DPoP {token}", "dpop": proof})
            if nonce is not None or "dpop-nonce" not in answer.headers:
                return answer
            nonce = answer.headers["dpop-nonce"]
