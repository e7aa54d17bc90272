"""Mallory tells a shop that Alice has agreed to pay.

A shop asks Alice's bank for her consent, and Alice decides on her phone (CIBA). The bank then tells the shop, at an
address that everybody can reach. Mallory posts there what the bank would post, with the number of a request that he
has seen at the till. A naive shop hands out the goods.

The shop stops this. For each request it has made a token of its own and has given it to the bank. Who tells of the
request must show this token, and Mallory has never seen it.
"""

from __future__ import annotations

import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit import MemoryStore
from fapikit.secrets import Concealed
from rpkit import AsyncClient
from rpkit.starlette import CibaNotifications

LOOT = "the shop's word that it has heard of Alice's consent"
SHOP, BANK, MALLORY = Party.FINTECH, Party.BANK, Party.MALLORY
REQUEST = "1c266114-a1be-4252-8ad1-04986c5b9ac1"


def undefended(lab: Lab, story: Story) -> str:
    async def heard(request: Request) -> Response:
        goods = (await request.json())["auth_req_id"] == REQUEST
        return Response(status_code=204 if goods else 404)

    site = lab.serve(Starlette(routes=[Route("/ciba-notification", heard, methods=["POST"])]))
    return _forge(lab, story, site)


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")

    async def connect() -> AsyncClient:
        settings = world.settings(store=MemoryStore(), backchannel_token_delivery_mode="ping")
        return await AsyncClient.discover(world.bank.issuer, **settings)

    notifications = CibaNotifications(connect)

    async def close() -> None:
        await (await notifications.client()).aclose()

    return _forge(lab, story, lab.serve(Starlette(routes=notifications.routes()), closing=close))


def _forge(lab: Lab, story: Story, site: str) -> str:
    story.step(SHOP, BANK, "ask Alice whether she pays", "The request has a number, which is on the receipt.")
    story.step(
        MALLORY, SHOP, "POST /ciba-notification: she has decided", "He has the number, and makes up a token."
    )
    headers = {"authorization": f"Bearer {secrets.token_urlsafe(32)}"}
    accepted(lab.http.post(f"{site}/ciba-notification", json={"auth_req_id": REQUEST}, headers=headers))
    story.step(SHOP, MALLORY, "204: heard", "The shop hands out the goods.")
    return LOOT


ATTACK = Attack(
    id="N11",
    title="a forged CIBA ping",
    loot=LOOT,
    countermeasures=("C10",),
    rule="WrongNotificationToken",
    clause="CIBA 10.2b",
    defence="rpkit.decoupled.notifications._record",
    without=lambda *_: Concealed({"mode": "ping", "auth_req_id": None}),
    undefended=undefended,
    defended=defended,
)
