"""Mallory gets the form that Alice has sent to her bank, because the bank's redirect repeats it.

Mallory Ltd is a registered client. Alice signs in at her bank to let it read her accounts. Her browser posts the form,
and the bank answers with a redirect to Mallory Ltd. If its status is 307, the browser does what the status says: it
posts the same form once more, to Mallory Ltd. At a naive bank that is the form with the password.

The bank stops this. Its redirects after a form have the status 303, and then the browser sends a GET without the form.
Chromium is asked here, because it is the browser that repeats the form or does not.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import MALLORY_LTD
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import Seen
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story

LOOT = "the form that Alice sent to her bank"
ALICE, BANK, MALLORY = Party.ALICE, Party.BANK, Party.MALLORY
FORM = '<form method="post"><input name="username"><input name="password"><button>Sign in</button></form>'


class RepeatingBank(NaiveBank):
    """It asks for the password, and redirects with 307."""

    async def authorize(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(FORM.replace("<form", f'<form action="{request.url}"'))
        answer = await super().authorize(request)
        return RedirectResponse(answer.headers["location"], 307)


def repeating(location: str) -> Response:
    """What the mutation check puts in the place of the defence: 307 on the way to the client."""
    return RedirectResponse(location, 307 if "code=" in location else 303)


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(RepeatingBank)
    asked = {
        "client_id": MALLORY_LTD,
        "redirect_uri": f"{lab.mallory_ltd_site}/callback",
        "scope": "accounts",
    }
    _tell(story)
    browser = lab.chromium()
    browser.open(f"{bank.issuer}/authorize?{urlencode(asked)}")
    browser.submit({"username": "alice", "password": "wonderland"})
    seen = lab.mallory_ltd.last("/callback")
    assert seen.form.get("password") == "wonderland"
    return _look(story, seen)


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    start = world.mallorys_client().begin(scope="accounts", resources=[world.accounts])
    _tell(story)
    browser = lab.chromium()
    browser.open(start.url)
    browser.submit({"username": "alice", "password": "wonderland"})
    browser.submit({}, "[value=approve]")
    return _look(story, lab.mallory_ltd.last("/callback"))


def _tell(story: Story) -> None:
    story.step(MALLORY, ALICE, "302 to the bank", "Mallory Ltd is an honest client so far.")
    story.step(ALICE, BANK, "POST the form", "It is her bank's page, and her bank's address.")
    story.step(BANK, ALICE, "a redirect to Mallory Ltd", "Its status says whether the form is repeated.")


def _look(story: Story, seen: Seen) -> str:
    story.step(ALICE, MALLORY, "the next request", "Mallory Ltd looks whether there is a form in it.")
    if not seen.form:
        raise NothingCame(f"{seen.method} without a form", clause="FAPI2-SP 5.3.2.2-10")
    return LOOT


ATTACK = Attack(
    id="16A",
    title="a redirect that repeats the form",
    loot=LOOT,
    countermeasures=(),
    rule="NothingCame",
    clause="FAPI2-SP 5.3.2.2-10",
    defence="askit.messages.see_other",
    without=repeating,
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
