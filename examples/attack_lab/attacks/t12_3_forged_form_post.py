"""Mallory's page posts an answer to the fintech, as banks do with form_post.

Some banks do not redirect with their answer: a page of the bank posts it to the fintech. The fintech's cookie for the
login is `SameSite=Lax`, so browsers leave it out there, and every login is lost. The team finds a mend: what comes by
POST may come without the cookie. Then any page may post an answer. Mallory's posts his own code, and Alice's browser
is signed in as Mallory. Chromium is asked here, because the cookie is withheld by the browser.

The fintech stops this. For a login that comes back by form_post its cookie is `SameSite=None`, and still `__Host-`. So
it arrives with the bank's page, and the fintech can insist on it. What comes without is nobody's login.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from examples.attack_lab.attack import Attack
from examples.attack_lab.hostnames import MALLORYS
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.web_site import STATE, NaiveWebSite
from examples.attack_lab.penny import penny
from examples.attack_lab.story import Party, Story

LOOT = "Alice working in his account"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
KEPT: dict[str, str] = {}
"""The logins of all browsers. A fintech without the defence keeps them on the server, and finds them by the state."""


class MendedSite(NaiveWebSite):
    """It compares the state with its cookie, if there is a cookie."""

    def accepts(self, request: Request, answer: Mapping[str, str]) -> bool:
        return request.cookies.get(STATE, answer["state"]) == answer["state"]


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    bank.user = "mallory"
    site, origin = lab.naive_web_site(MendedSite, bank)
    _tell_the_trap(story)
    begun = site.begin()
    code = lab.http.get(begun.url).headers["location"].partition("code=")[2].partition("&")[0]
    return _post(lab, story, {"code": code, "state": begun.state}, origin)


def defended(lab: Lab, story: Story) -> str:
    with penny(lab, response_mode="form_post") as site:
        _tell_the_trap(story)
        form, cookies = site.mallorys_login()
        KEPT.update(cookies)
        return _post(lab, story, form, site.origin)


def _tell_the_trap(story: Story) -> None:
    story.step(MALLORY, FINTECH, "POST /login", "It is a login of his own, in his own browser.")
    story.step(BANK, MALLORY, "a page that posts code and state to the fintech", "He keeps the form.")


def _post(lab: Lab, story: Story, form: Any, origin: str) -> str:
    prize, mallorys_origin = lab.mallorys_site(MALLORYS)
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(form[name])}">' for name in form)
    prize.page = HTMLResponse(
        f'<form method="post" action="{origin}/callback">{fields}<button>Fetch your prize</button></form>'
    )
    browser = lab.chromium()
    story.step(
        ALICE, FINTECH, "POST /login", "A login of her own: her browser has a cookie with another state."
    )
    browser.open(origin)
    browser.submit({})
    story.step(
        ALICE, MALLORY, "GET a page that promises a prize", "Its button sends the form that he has kept."
    )
    browser.open(f"{mallorys_origin}/prize")
    story.step(
        ALICE, FINTECH, "POST /callback with Mallory's code and state", "It looks like an answer of the bank."
    )
    browser.submit({})
    story.step(FINTECH, ALICE, "Welcome, Mallory", "She has not read the name, and adds her card.")
    browser.open(origin)
    assert "Welcome, mallory" in browser.text
    return LOOT


ATTACK = Attack(
    id="T12.3",
    title="a forged form_post",
    loot=LOOT,
    countermeasures=("C19",),
    rule="TransactionMissing",
    clause="RFC 9700 2.1c",
    defence="rpkit.web.browser_logins._sealed",
    without=lambda _request, name: KEPT.get(name, ""),
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
