"""Alice connects Mallory's bank account with her app, and takes it for her own.

Mallory has left his own session at the bank open, on the computer at the library. Alice sets up her app there. The
bank finds a session, and a naive bank only asks whether the app may connect. From then on Alice sees a balance that
she takes for hers, and moves her money to the account of this app, which is Mallory's.

The bank stops this. Its page says whose account it is, and offers to sign in as somebody else. Alice reads another
name than her own, and refuses.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from examples.attack_lab.attack import Attack
from examples.attack_lab.browser import Browser
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "an account of his own in Alice's app"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


class NamelessBank(NaiveBank):
    """It asks, but does not say about whose account."""

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("decision") == "approve":
            return await super().authorize(request)
        fields = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in asked.items())
        return HTMLResponse(f"<form>May the app see your account? {fields}<button>Yes</button></form>")


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(NamelessBank)
    bank.user = "mallory"
    app = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    app.choose(bank.issuer)
    _tell(story)
    browser = lab.browser()
    browser.open(app.begin())
    _decide(browser, story)
    app.complete(browser.url)
    assert bank.tokens[app.access_token]["owner"] == "mallory"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    _tell(story)
    browser = lab.browser()
    browser.open(f"{world.bank.issuer}/grants")
    browser.submit({"username": "mallory", "password": "overdrawn"})  # the session that Mallory leaves open
    start = world.fintech.begin(scope="openid accounts", resources=[world.accounts])
    browser.open(start.url)
    _decide(browser, story)
    login = world.fintech.complete(browser.url, start.transaction, resource=world.accounts)
    with world.fintech.api(login.tokens, base_url=world.accounts, resource=world.accounts) as api:
        assert api.get(world.accounts).json()["owner"] == "mallory"
    return LOOT


def _tell(story: Story) -> None:
    story.step(MALLORY, BANK, "sign in at the library, and leave", "His session stays in that browser.")
    story.step(ALICE, FINTECH, "connect my bank", "She uses the same browser.")
    story.step(FINTECH, BANK, "the authorization request, by that browser", "The bank finds a session.")


def _decide(browser: Browser, story: Story) -> None:
    """Alice refuses if the page names somebody else."""
    story.step(BANK, ALICE, "the consent page", "What is on it is all that Alice can decide by.")
    browser.submit({"decision": "deny" if "Mallory" in browser.page.text else "approve"})
    story.step(
        ALICE, FINTECH, "the authorization response", "The app shows Mallory's account, and she trusts it."
    )


ATTACK = Attack(
    id="T11",
    title="the account of whoever was signed in before",
    loot=LOOT,
    countermeasures=("C23",),
    rule="AuthorizationRefused",
    clause="RFC 6749 4.1.2.1",
    defence="askit.pages.words.describe_user",
    without=lambda *_: ("you", ""),
    undefended=undefended,
    defended=defended,
)
