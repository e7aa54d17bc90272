"""Mallory has the host that a bank's key set once moved to, and signs tokens with a key of his own.

For a while the keys of the bank were at a provider, and the address in the metadata redirects there. The bank has left
the provider, and forgotten the redirect. Mallory now rents the old name, and publishes a key. A naive API follows the
redirect, as HTTP clients do, and every token of Mallory's is one of the bank's.

The API stops this. It fetches keys from the address in the metadata, and from nowhere else. A redirect is a failed
fetch, so the API cannot decide and answers 503.
"""

from __future__ import annotations

import time
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import signed
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import MallorysSite, Seen
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from fapikit import PrivateKey, base64url
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.public_key import PublicKey, import_public_jwk

LOOT = "the answer of an API to a token that no bank has issued"
ALG = "ES256"
MALLORY, API, BANK = Party.MALLORY, Party.ACCOUNTS, Party.BANK


class MovedBank(MallorysSite):
    """An honest bank whose `jwks_uri` redirects to a host that is no longer its own."""

    def __init__(self, issuer: str, moved_to: str) -> None:
        super().__init__()
        self.issuer = issuer
        self._moved_to = moved_to

    def answer(self, seen: Seen) -> Response:
        if seen.path == "/jwks":
            return RedirectResponse(f"{self._moved_to}/jwks", 302)
        return JSONResponse({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"})


class FollowingApi:
    """The naive way: it takes the keys from wherever the redirects end, and a token if its key is among them."""

    def __init__(self, bank: MovedBank, lab: Lab) -> None:
        self._bank = bank
        self._tls = lab.tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = Request(scope).headers["authorization"].split()[1]
            async with httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=True) as http:
                keys = (await http.get(f"{self._bank.issuer}/jwks")).json()["keys"]
            good = any(_is_signed_with(import_public_jwk(key), token) for key in keys)
            await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)


async def following(client: Any, request: HttpRequest) -> HttpResponse:
    """What the mutation check puts in the place of the defence: redirects are followed."""
    answer = await client.request(
        request.method, request.url, headers=list(request.headers), follow_redirects=True
    )
    return HttpResponse(answer.status_code, tuple(answer.headers.items()), answer.content, request.url)


def undefended(lab: Lab, story: Story) -> str:
    bank, key = _bank(lab)
    return _forge(lab, story, bank, key, lab.serve(FollowingApi(bank, lab)))


def defended(lab: Lab, story: Story) -> str:
    bank, key = _bank(lab)
    return _forge(lab, story, bank, key, lab.protect(PlainTextResponse("welcome"), bank.issuer))


def _bank(lab: Lab) -> tuple[MovedBank, PrivateKey]:
    """The bank, and the key that Mallory publishes where its redirect ends."""
    key = PrivateKey.generate(ALG)
    site, origin = lab.mallorys_site()
    site.page = JSONResponse({"keys": [dict(key.public_jwk)]})
    place = Place()
    bank = MovedBank(place.origin, origin)
    lab.serve(bank, place)
    return bank, key


def _forge(lab: Lab, story: Story, bank: MovedBank, key: PrivateKey, api: str) -> str:
    now = int(time.time())
    claims = {"iss": bank.issuer, "aud": f"{api}/", "sub": "alice", "client_id": "fintech", "jti": "1"}
    token = signed({**claims, "iat": now, "exp": now + 60}, key, typ="at+jwt")
    story.step(MALLORY, API, "a token about Alice, signed with his own key", "The API knows no key yet.")
    story.step(API, BANK, "GET /jwks", "This is the address in the metadata of the bank.")
    story.step(BANK, API, "302 to the host that Mallory has now", "His key is there, in the bank's name.")
    answer = accepted(lab.http.get(f"{api}/", headers={"authorization": f"Bearer {token}"}))
    story.step(API, MALLORY, "200", "The API has verified the signature, with Mallory's key.")
    assert answer.text == "welcome"
    return LOOT


def _is_signed_with(key: PublicKey, token: str) -> bool:
    signing_input, _, signature = token.rpartition(".")
    return key.verifier(ALG)(base64url.decode(signature), signing_input.encode())


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
