"""Mallory's page signs Alice's browser in at her bank, as Mallory.

The bank's login form is public, and Mallory knows a password: his own. His page has the same form, filled in, and its
button promises a prize. After the click Alice's browser has a session at her bank, and it is Mallory's. When she
connects her bank with an app, his account is what the app gets, and she takes it for hers. Chromium is asked here,
because it decides whether it keeps a cookie that comes this way. It does.

The bank stops this. Each of its forms has a token that belongs to one browser and one purpose. Mallory cannot have the
token of Alice's browser.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from examples.attack_lab.attack import Attack
from examples.attack_lab.hostnames import MALLORYS
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story

LOOT = "his own session in Alice's browser, at her bank"
ALICE, BANK, MALLORY = Party.ALICE, Party.BANK, Party.MALLORY


class SessionBank(NaiveBank):
    """It has a form for users, and takes it from wherever it comes."""

    async def authorize(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(f"You are signed in as {request.cookies.get('user')}.")
        answer = RedirectResponse("/authorize", 303)
        answer.set_cookie(
            "user", str((await request.form())["username"]).title(), secure=True, samesite="lax"
        )
        return answer


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(SessionBank)
    return _sign_in(lab, story, f"{bank.issuer}/authorize", f"{bank.issuer}/authorize")


def defended(lab: Lab, story: Story) -> str:
    issuer = lab.under("fapi2-security").bank.issuer
    return _sign_in(lab, story, f"{issuer}/login", f"{issuer}/grants")


def _sign_in(lab: Lab, story: Story, form: str, own_page: str) -> str:
    prize, origin = lab.mallorys_site(MALLORYS)
    prize.page = HTMLResponse(
        f'<form method="post" action="{form}"><input type="hidden" name="username" value="mallory">'
        '<input type="hidden" name="password" value="overdrawn"><button>Fetch your prize</button></form>'
    )
    story.step(
        ALICE, MALLORY, "GET a page that promises a prize", "It has the bank's form, with Mallory's password."
    )
    browser = lab.chromium()
    browser.open(f"{origin}/prize")
    story.step(ALICE, BANK, "POST the form", "User name and password are right.")
    browser.submit({})
    story.step(
        BANK, ALICE, "303, with the cookie of a session", "Whatever she connects now is Mallory's account."
    )
    browser.open(own_page)
    assert "Mallory" in browser.text
    return LOOT


ATTACK = Attack(
    id="T11.3",
    title="signed in at the bank as somebody else",
    loot=LOOT,
    countermeasures=("C22",),
    rule="StaleForm",
    clause="RFC 9700 4.7",
    defence="askit.users.sessions.require_form_token",
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
