"""Mallory signs in as Alice, with a logout token about her in the place of an ID token.

Mallory runs the gateway in front of a bank. The bank's logout tokens pass it, and its token responses too, and he has
no key of the bank. When Alice signs out, he keeps the logout token. It names her, it is for the fintech, and the bank
has signed it. Then he signs in at the fintech from a device without a browser, approves as himself, and puts that
token into the response. A naive client verifies the signature and reads `sub`. There is no nonce at such a sign-in.

The fintech stops this. A logout token has the claim `events`, and no ID token may have it. Here this is the last rule,
because the bank writes no type into its logout tokens. The type `logout+jwt` alone would give one away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.jwts import claims_of
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.signing_bank import SigningBank
from examples.attack_lab.story import Party, Story
from fapikit.jose.claims import Expected, check_claims
from fapikit.jose.purposes import Purpose

LOOT = "Alice's session at the fintech"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class BankBehindMallory(SigningBank):
    """It has devices sign in. Its token response has a JWT of another kind, which Mallory has put into it."""

    def __init__(self, issuer: str, **settings: Any) -> None:
        super().__init__(issuer, **settings)
        self.app.router.routes[:0] = [
            Route("/device", self.device, methods=["POST"]),
            Route("/token", self.altered, methods=["POST"]),
        ]

    @property
    def metadata(self) -> dict[str, Any]:
        return {**super().metadata, "device_authorization_endpoint": f"{self.issuer}/device"}

    async def device(self, _request: Request) -> Response:
        codes = {"device_code": "a-device-code", "user_code": "WDJB-MJHT", "interval": 1, "expires_in": 60}
        return JSONResponse({**codes, "verification_uri": f"{self.issuer}/verify"})

    async def altered(self, _request: Request) -> Response:
        token = {"access_token": self.issue("mallory"), "token_type": "Bearer", "scope": "openid"}
        return JSONResponse({**token, "id_token": self.other_jwt()})

    def other_jwt(self) -> str:
        return self.sign(APP, sub="alice", iat=int(time.time()), jti="1", events={EVENT: {}})


def forbidding_nothing(claims: Mapping[str, Any], purpose: Purpose, expected: Expected) -> None:
    """What the mutation check puts in the place of the defence: as shipped, and yet any claim may be there."""
    check_claims(claims, replace(purpose, forbidden=frozenset()), expected)


def signing_in(kind: type[BankBehindMallory], tell: Callable[[Story], None]) -> tuple[Play, Play]:
    """Both plays of a sign-in whose token response has another JWT in it: undefended and defended."""

    def undefended(lab: Lab, story: Story) -> str:
        bank = lab.naive_bank(kind)
        tell(story)
        answer = lab.http.post(f"{bank.issuer}/token", data={"device_code": "a-device-code"}).json()
        assert claims_of(answer["id_token"])["sub"] == "alice"
        return _won(story)

    def defended(lab: Lab, story: Story) -> str:
        client = lab.app_at(lab.naive_bank(kind))
        request = client.device(scope="openid")
        tell(story)
        login = client.wait(request)
        assert login.id_token is not None
        assert login.id_token.subject == "alice"
        return _won(story)

    return undefended, defended


def _won(story: Story) -> str:
    story.step(
        FINTECH, MALLORY, "Alice's pages", "The client has read whom the JWT names, and not what it is for."
    )
    return LOOT


def _tell(story: Story) -> None:
    story.step(ALICE, BANK, "sign out", "The bank tells the fintech, by a logout token.")
    story.step(BANK, MALLORY, "a logout token about Alice", "It passes his gateway, and he keeps it.")
    story.step(MALLORY, FINTECH, "sign in on my device", "He approves as himself.")
    story.step(MALLORY, FINTECH, "the token response, with that token in it", "The bank has signed it.")


UNDEFENDED, DEFENDED = signing_in(BankBehindMallory, _tell)
ATTACK = Attack(
    id="N8.2",
    title="a logout token used as an ID token",
    loot=LOOT,
    countermeasures=(),
    rule="ForbiddenClaim",
    clause="RFC 8725 3.12",
    defence="fapikit.jose.claims.check_claims",
    without=forbidding_nothing,
    undefended=UNDEFENDED,
    defended=DEFENDED,
)
