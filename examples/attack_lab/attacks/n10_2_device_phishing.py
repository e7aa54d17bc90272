"""Mallory connects a television of his own, and lets Alice approve it.

His television shows a code and a link with the code in it. He sends the link to Alice: her bank asks her, it says, to
confirm her new phone. The link is the bank's, so she opens it and signs in. At a naive bank that was all, and Mallory
watches her account on his television.

The bank stops this. Before anything else it shows which device asks, and asks whether she has that device in front of
her. Alice has none, and says no.
"""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit.urns import DEVICE_CODE

LOOT = "a token for Alice's accounts, on his own television"
ALICE, BANK, MALLORY = Party.ALICE, Party.BANK, Party.MALLORY
TELEVISION = {
    "client_id": "television",
    "client_name": "Penny Television",
    "grant_types": [DEVICE_CODE],
    "response_types": [],
    "token_endpoint_auth_method": "none",
}


def unasked(_pages: Any, *, csrf: str, request_uri: str, client: Any, **_: Any) -> Response:
    """What the mutation check puts in the place of the defence: a page that asks nothing."""
    known = {"csrf": csrf, "request_uri": request_uri, "client_id": client.client_id, "holds": "yes"}
    fields = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in known.items())
    return HTMLResponse(f'<form method="post" action="/device/confirm">{fields}<button>Next</button></form>')


def undefended(lab: Lab, story: Story) -> str:
    """The naive bank has a device page that approves what is opened."""
    approved: list[str] = []

    async def device(request: Request) -> Response:
        approved.append(request.query_params["user_code"])
        return PlainTextResponse("your phone is confirmed")

    async def token(request: Request) -> Response:
        good = (await request.form())["device_code"] in approved
        return JSONResponse({"access_token": "any"} if good else {}, 200 if good else 400)

    routes = [Route("/device", device), Route("/token", token, methods=["POST"])]
    bank = lab.serve(Starlette(routes=routes))
    shown = {"device_code": "BDFGHJ", "verification_uri_complete": f"{bank}/device?user_code=BDFGHJ"}
    return _phish(lab, story, shown, f"{bank}/token")


def defended(lab: Lab, story: Story) -> str:
    with lab.fresh("oauth-2.1", clients=[TELEVISION]) as world:
        form = {"client_id": "television", "scope": "accounts", "resource": world.accounts}
        shown = accepted(lab.http.post(world.metadata["device_authorization_endpoint"], data=form)).json()
        return _phish(lab, story, shown, world.metadata["token_endpoint"])


def _phish(lab: Lab, story: Story, shown: dict[str, str], token_endpoint: str) -> str:
    story.step(MALLORY, BANK, "a code for my television", "He gets a link with it.")
    story.step(MALLORY, ALICE, "confirm your new phone: the link", "It is a link to her own bank.")
    story.step(ALICE, BANK, "GET the link, and go on", "She does what her bank seems to want.")
    browser = lab.browser()
    browser.open(shown["verification_uri_complete"])
    if "Do you have this device in front of you?" in browser.page.text:
        browser.submit({"holds": "no"})
    for typed in ({}, {"username": "alice", "password": "wonderland"}, {"decision": "approve"}):
        if browser.page.forms:
            browser.submit(typed)
    story.step(
        MALLORY, BANK, "POST /token with the code of his television", "If she has approved, he has a token."
    )
    form = {"grant_type": DEVICE_CODE, "client_id": "television", "device_code": shown["device_code"]}
    assert accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    return LOOT


ATTACK = Attack(
    id="N10.2",
    title="phishing with the code of a device",
    loot=LOOT,
    countermeasures=("C1",),
    rule="AccessDenied",
    clause="RFC 8628 3.5",
    defence="askit.pages.pages.Pages.device",
    without=unasked,
    undefended=undefended,
    defended=defended,
)
