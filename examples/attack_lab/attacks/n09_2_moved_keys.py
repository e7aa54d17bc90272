"""The bank's keys are behind a redirect to a host that is Mallory's now.

The bank has moved its key set to another host, and redirects from the old URL. It gave that host up later, and forgot
the redirect. Mallory has rented the host, and publishes a key of his own there. A naive API follows the redirect. So
it verifies his tokens with his key, and all else in them is as the bank would write it.

The API stops this. The bank's metadata say where its keys are, and only what answers there counts. A call from server
to server follows no redirect.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import is_signed_with, signed
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import MallorysSite, Seen
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from fapikit import PrivateKey
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.public_key import import_public_jwk

LOOT = "the answer of the API to Alice"
MALLORY, API, BANK = Party.MALLORY, Party.ACCOUNTS, Party.BANK
KEY = PrivateKey.generate("ES256")


class MovedBank(MallorysSite):
    """An honest bank, but for its old redirect. `host`: where its keys have been since."""

    def __init__(self, issuer: str, host: str) -> None:
        super().__init__()
        self.issuer = issuer
        self._host = host

    def answer(self, seen: Seen) -> Response:
        if seen.path == "/jwks":
            return RedirectResponse(f"{self._host}/jwks", 302)
        return JSONResponse({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"})


class FollowingApi:
    """It takes what is signed with a key of the bank, and follows redirects to the keys."""

    def __init__(self, bank: MovedBank, lab: Lab) -> None:
        self._bank = bank
        self._tls = lab.tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = Request(scope).headers["authorization"].split()[1]
            async with httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=True) as http:
                keys = (await http.get(f"{self._bank.issuer}/jwks")).json()["keys"]
            good = any(is_signed_with(import_public_jwk(key), token) for key in keys)
            await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)


async def following(client: Any, request: HttpRequest) -> HttpResponse:
    """What the mutation check puts in the place of the defence: it goes where it is sent."""
    answer = await client.request(request.method, request.url, follow_redirects=True)
    return HttpResponse(answer.status_code, tuple(answer.headers.items()), answer.content, request.url)


def undefended(lab: Lab, story: Story) -> str:
    bank = _bank(lab)
    return _forge(lab, story, bank, lab.serve(FollowingApi(bank, lab)))


def defended(lab: Lab, story: Story) -> str:
    bank = _bank(lab)
    return _forge(lab, story, bank, lab.protect(PlainTextResponse("welcome"), bank.issuer))


def _bank(lab: Lab) -> MovedBank:
    rented, host = lab.mallorys_site()
    rented.page = JSONResponse({"keys": [dict(KEY.public_jwk)]})
    place = Place()
    bank = MovedBank(place.origin, host)
    lab.serve(bank, place)
    return bank


def _forge(lab: Lab, story: Story, bank: MovedBank, api: str) -> str:
    now = int(time.time())
    claims = {"iss": bank.issuer, "aud": f"{api}/", "sub": "alice", "client_id": "fintech"}
    token = signed(
        {**claims, "jti": secrets.token_urlsafe(8), "iat": now, "exp": now + 60}, KEY, typ="at+jwt"
    )
    story.step(MALLORY, API, "a token that he has signed", "All claims are as the bank would write them.")
    story.step(API, BANK, "GET /jwks", "The metadata say that the keys are there.")
    story.step(BANK, API, "302 to the host that Mallory has rented", "The bank has forgotten this redirect.")
    for _ in range(
        2
    ):  # the API may have asked for the keys at its start: the second answer is the same either way
        answer = lab.http.get(f"{api}/", headers={"authorization": f"Bearer {token}"})
    assert accepted(answer).text == "welcome"
    story.step(API, MALLORY, "Alice's data", "The API has verified the token with Mallory's key.")
    return LOOT


ATTACK = Attack(
    id="N9.2",
    title="keys behind a redirect",
    loot=LOOT,
    countermeasures=("C10",),
    rule="Unreachable",
    clause="RFC 9700 4.11",
    defence="fapikit.io.transport.asend",
    without=following,
    undefended=undefended,
    defended=defended,
)
