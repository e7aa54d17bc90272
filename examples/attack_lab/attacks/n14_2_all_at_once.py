"""Mallory sends many tokens at once to an API that has no keys yet, and it asks the bank once for each of them.

The API has just been started, in two processes. Each needs the keys of the bank for its first token. Mallory has waited
for that, and sends a burst to both. The tokens are forged, so he needs nothing for them. Until the first answer of the
bank has come there are no keys, and a naive API asks for them once more with each token. The bank is slow under that
load, so the burst lasts.

The API stops this. In each process one request for the keys is under way, and all tokens wait for that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import asgi_mw
from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks.n14_unknown_keys import CountedBank, EagerApi, claims_for
from examples.attack_lab.jwts import signed
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from fapikit import HttpSettings, PrivateKey
from fapikit.flow import Flow
from fapikit.io.tls import client_context
from rskit import Issuer, ResourceServer

LOOT = "a bank that answers one request for each forged token of a burst"
AT_EACH, FLOOD, SECONDS = 12, 10, 0.3
"""So many tokens for each process; so many requests for keys are a flood; so long the bank looks for another one."""
RESOURCE = "https://api.bank.test/"
MALLORY, API, BANK = Party.MALLORY, Party.ACCOUNTS, Party.BANK


class SlowBank(CountedBank):
    """It answers requests for its keys when no more of them come, or when they are a flood."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/jwks":
            self._waiting += 1
            before = 0
            while before < self._waiting < FLOOD:
                before = self._waiting
                await asyncio.sleep(SECONDS)
        await super().__call__(scope, receive, send)


def eager(issuer: str, ca: str) -> ASGIApp:
    """The naive API, for the second process."""
    return EagerApi(issuer, client_context(ca=ca))


def protected(issuer: str, ca: str) -> ASGIApp:
    """The API as shipped, for the second process."""
    server = ResourceServer(
        resource=RESOURCE, issuers=[Issuer(issuer)], http=HttpSettings(ca=ca), profile="oauth-2.1"
    )
    return asgi_mw.Protect(PlainTextResponse("welcome"), server)


def undefended(lab: Lab, story: Story) -> str:
    bank = _bank(lab)
    apis = lab.serve(EagerApi(bank.issuer, lab.tls)), lab.serve_elsewhere(eager, **_known(lab, bank))
    return _burst(lab, story, bank, apis)


def defended(lab: Lab, story: Story) -> str:
    bank = _bank(lab)
    own = lab.protect(PlainTextResponse("welcome"), bank.issuer, resource=RESOURCE)
    return _burst(lab, story, bank, (own, lab.serve_elsewhere(protected, **_known(lab, bank))))


def _bank(lab: Lab) -> SlowBank:
    place = Place()
    bank = SlowBank(place.origin)
    lab.serve(bank, place)
    return bank


def _known(lab: Lab, bank: SlowBank) -> dict[str, str]:
    return {"issuer": bank.issuer, "ca": str(lab.ca)}


def _burst(lab: Lab, story: Story, bank: SlowBank, apis: tuple[str, str]) -> str:
    claims, kid = claims_for(RESOURCE, bank.issuer), bank.keys["keys"][0]["kid"]
    forged = signed(claims, PrivateKey.generate("ES256"), kid=kid, typ="at+jwt")
    headers = {"authorization": f"Bearer {forged}"}
    story.step(MALLORY, API, f"{AT_EACH} forged tokens at once, to each process", "Neither has the keys yet.")
    with ThreadPoolExecutor(2 * AT_EACH) as threads:
        list(threads.map(lambda api: lab.http.get(f"{api}/", headers=headers), apis * AT_EACH))
    story.step(API, BANK, "GET /jwks", "A process asks for the keys because it has none.")
    if bank.asked < FLOOD:
        raise NothingCame(f"the bank was asked {bank.asked} times", clause="OIDC 10.1.1")
    return LOOT


def each_for_itself(_key: Hashable, start: Callable[[], Flow[Any]], **_: Any) -> Flow[Any]:
    """What the mutation check puts in the place of the defence: nobody waits for the work of another."""
    return start()


ATTACK = Attack(
    id="N14.2",
    title="tokens before there are keys",
    loot=LOOT,
    countermeasures=(),
    rule="NothingCame",
    clause="OIDC 10.1.1",
    defence="fapikit.flow.shared",
    without=each_for_itself,
    undefended=undefended,
    defended=defended,
)
