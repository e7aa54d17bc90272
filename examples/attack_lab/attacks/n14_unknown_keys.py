"""Mallory makes an API hammer the bank: each forged token names a key that nobody has seen.

An API that meets an unknown key id must ask the bank, because the bank may have a new key. So every forged token of
Mallory's costs the bank a request, and the bank's own customers wait.

The API stops this. It asks a few times, then once in a while, and answers meanwhile that it cannot decide. Tokens with
a known key never wait for that.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import header_of, signed
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import MallorysSite, Seen
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from fapikit import PrivateKey

LOOT = "a bank that answers one request for each forged token"
FLOOD = 12
MALLORY, API, BANK = Party.MALLORY, Party.ACCOUNTS, Party.BANK


class CountedBank(MallorysSite):
    """An honest bank that publishes one key, and counts."""

    def __init__(self, issuer: str) -> None:
        super().__init__()
        self.issuer = issuer
        self.keys = {"keys": [dict(PrivateKey.generate("ES256").public_jwk)]}

    def answer(self, seen: Seen) -> Response:
        if seen.path == "/jwks":
            return JSONResponse(self.keys)
        return JSONResponse({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"})

    @property
    def asked(self) -> int:
        return sum(seen.path == "/jwks" for seen in self.seen)


class EagerApi:
    """The naive way: a key that is not there is fetched."""

    def __init__(self, issuer: str, tls: ssl.SSLContext) -> None:
        self._issuer = issuer
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            kid = header_of(Request(scope).headers["authorization"].split()[1])["kid"]
            async with httpx.AsyncClient(verify=self._tls, trust_env=False) as http:
                keys = (await http.get(f"{self._issuer}/jwks")).json()["keys"]
            known = any(key["kid"] == kid for key in keys)
            await PlainTextResponse("welcome" if known else "no", 200 if known else 401)(scope, receive, send)


def undefended(lab: Lab, story: Story) -> str:
    bank = _bank(lab)
    return _flood(lab, story, bank, lab.serve(EagerApi(bank.issuer, lab.tls)))


def defended(lab: Lab, story: Story) -> str:
    bank = _bank(lab)
    return _flood(lab, story, bank, lab.protect(PlainTextResponse("welcome"), bank.issuer))


def _bank(lab: Lab) -> CountedBank:
    place = Place()
    bank = CountedBank(place.origin)
    lab.serve(bank, place)
    return bank


def _flood(lab: Lab, story: Story, bank: CountedBank, api: str) -> str:
    key = PrivateKey.generate("ES256")
    before = bank.asked
    story.step(
        MALLORY, API, f"{FLOOD} forged tokens, each with a new key id", "Nothing in them must be right."
    )
    for _ in range(FLOOD):
        forged = signed(claims_for(f"{api}/", bank.issuer), key, kid=secrets.token_urlsafe(8), typ="at+jwt")
        answer = lab.http.get(f"{api}/", headers={"authorization": f"Bearer {forged}"})
    if bank.asked - before < FLOOD:
        accepted(answer)
    story.step(API, BANK, f"GET /jwks, {FLOOD} times", "The API is the one who floods, and it is trusted.")
    return LOOT


def claims_for(audience: str, issuer: str) -> Mapping[str, Any]:
    """The claims of an access token, as the issuer would write them."""
    now = int(time.time())
    return {
        "iss": issuer,
        "aud": audience,
        "sub": "alice",
        "client_id": "fintech",
        "jti": secrets.token_urlsafe(8),
        "iat": now,
        "exp": now + 60,
    }


ATTACK = Attack(
    id="N14",
    title="a flood of unknown key ids",
    loot=LOOT,
    countermeasures=(),
    rule="KeyUndecided",
    clause="OIDC 10.1.1",
    defence="fapikit.token_bucket.TokenBucket.take",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
