"""Mallory guesses the code that a television shows, until he has one.

Alice wants to connect her television. It shows a short code, because she has to type it. Whoever types a code first
decides about its request. Mallory types codes by the hundred, and when one is right, he connects the television with
his own account, or reads who is asking. A naive bank lets him.

The bank stops this. It counts wrong codes, for each address and for each user, and then takes none for a while.
"""

from __future__ import annotations

import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from examples.attack_lab.answers import Refused
from examples.attack_lab.attack import Attack
from examples.attack_lab.browser import Browser
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit.urns import DEVICE_CODE

LOOT = "the page that decides about Alice's television"
GUESSES = 40
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
FINTECH, BANK, MALLORY = Party.FINTECH, Party.BANK, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    right = _code()

    async def device(request: Request) -> Response:
        found = request.query_params["user_code"] == right
        return PlainTextResponse("connect this television?" if found else "wrong code", 200 if found else 400)

    bank = lab.serve(Starlette(routes=[Route("/device", device)]))
    return _guess(lab.browser(), story, f"{bank}/device", right)


def defended(lab: Lab, story: Story) -> str:
    television = {
        "client_id": "television",
        "client_name": "Penny Television",
        "grant_types": [DEVICE_CODE],
        "response_types": [],
        "token_endpoint_auth_method": "none",
    }
    with lab.fresh("oauth-2.1", clients=[television]) as world:
        form = {"client_id": "television", "scope": "accounts"}
        shown = lab.http.post(world.metadata["device_authorization_endpoint"], data=form).json()
        browser = lab.browser()
        browser.open(f"{world.bank.issuer}/grants")
        browser.submit({"username": "mallory", "password": "overdrawn"})
        return _guess(browser, story, f"{world.bank.issuer}/device", shown["user_code"])


def _guess(browser: Browser, story: Story, page: str, right: str) -> str:
    story.step(FINTECH, BANK, "a television asks for a code", "It shows the code, and waits.")
    story.step(
        MALLORY, BANK, f"GET /device, {GUESSES} times, each with another code", "A computer types them."
    )
    for code in [*(_code() for _ in range(GUESSES)), right]:
        answer = browser.http.get(page, params={"user_code": code})
        if answer.status_code == 429:
            raise Refused(429, "too many wrong codes")
    story.step(BANK, MALLORY, "the page of Alice's television", "In the end a guess is right.")
    assert "elevision" in answer.text, answer.text
    return LOOT


def _code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(8))


ATTACK = Attack(
    id="N10",
    title="guessing a user code",
    loot=LOOT,
    countermeasures=(),
    rule="TooManyAttempts",
    clause="RFC 6749 10.10",
    defence="askit.users.guess_counters._one_more",
    without=lambda count, _counter: count + 1,
    undefended=undefended,
    defended=defended,
)
