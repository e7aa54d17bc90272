"""Mallory sends Alice through a real login of the fintech, and it ends at a page of his.

Another site may begin a login at the fintech, and may say which page comes next. Mallory's link names his own page.
Alice sees the fintech, then her bank, then the fintech again, and at last a page that looks like the fintech and says
that the password was wrong. She has just seen the real addresses, so she types it.

The fintech stops this before the login begins. The page that comes next must be one of its own.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.penny import sign_in
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from rpkit import Login
from rpkit.web.initiated_login import Initiation

LOOT = "Alice on his own page, straight from a real login"
ALICE, FINTECH, BANK, MALLORY = Party.ALICE, Party.FINTECH, Party.BANK, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    """The naive fintech remembers the page in the browser, and asks no questions."""

    async def initiate(request: Request) -> Response:
        answer = RedirectResponse("/callback", 303)
        answer.set_cookie("next", request.query_params["target_link_uri"])
        return answer

    async def callback(request: Request) -> Response:
        return RedirectResponse(request.cookies["next"], 303)

    site = lab.serve(Starlette(routes=[Route("/initiate", initiate), Route("/callback", callback)]))
    return _lure(lab, story, site, iss="any")


def defended(lab: Lab, story: Story) -> str:
    place = Place()
    with lab.fresh("fapi2-security", redirect_uri=f"{place.origin}/callback") as world:
        pages = sign_in(world, _welcome, initiate_path="/initiate")
        lab.serve(Starlette(routes=pages.routes()), place, closing=pages.aclose)
        return _lure(lab, story, place.origin, iss=world.bank.issuer)


async def _welcome(_request: Request, login: Login) -> Response:
    return RedirectResponse(login.target or "/", 303)


def _lure(lab: Lab, story: Story, site: str, *, iss: str) -> str:
    mallory, origin = lab.mallorys_site()
    asked = {"iss": iss, "target_link_uri": f"{origin}/wrong-password"}
    story.step(MALLORY, ALICE, "a link to the fintech", "The address is the real one.")
    story.step(
        ALICE, FINTECH, "GET /initiate?target_link_uri=Mallory", "The fintech is to show this page next."
    )
    browser = lab.browser()
    browser.open(f"{site}/initiate?{urlencode(asked)}")
    story.step(ALICE, BANK, "sign in, approve", "A real login at her real bank.")
    for typed in ({}, {"username": "alice", "password": "wonderland"}, {"decision": "approve"}):
        if browser.page.forms:
            browser.submit(typed)
    story.step(FINTECH, ALICE, "303 to Mallory's page", "As the link said.")
    assert mallory.last("/wrong-password")
    return LOOT


ATTACK = Attack(
    id="T7D",
    title="an open redirector behind the login",
    loot=LOOT,
    countermeasures=("C7",),
    rule="InitiationRefused",
    clause="OIDC 4",
    defence="rpkit.web.initiated_login._initiation",
    without=lambda asked, _uri: Initiation(asked.get("login_hint"), asked.get("target_link_uri")),
    undefended=undefended,
    defended=defended,
)
