"""A forgotten host of the fintech sets the cookie by which the fintech knows its logins.

The fintech remembers the state of a login in a cookie, and compares it when the browser comes back. Mallory has taken
over `blog.penny.test`, where nobody looks any more. A page there may set cookies for all of `penny.test`. So Mallory
begins a login of his own, and his page gives Alice's browser the cookie that belongs to it, and then the URL with his
code. The state and the cookie agree, and Alice is signed in as Mallory.

The fintech stops this. It reads no cookie but those whose names begin with `__Host-`, and a browser accepts such a
cookie from nobody but the host itself. Chromium is asked here: it keeps one of the two cookies that Mallory sets.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse

from examples.attack_lab.attack import Attack
from examples.attack_lab.hostnames import PENNYS_BLOG
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.web_site import STATE, NaiveWebSite
from examples.attack_lab.penny import penny
from examples.attack_lab.story import Party, Story

LOOT = "Alice working in his account"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
PREFIX = "__Host-"


class ComparingSite(NaiveWebSite):
    """It compares the state with a cookie, and asks not who has set the cookie."""

    def accepts(self, request: Request, answer: Mapping[str, str]) -> bool:
        return request.cookies.get(STATE) == answer["state"]


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    bank.user = "mallory"
    site, origin = lab.naive_web_site(ComparingSite, bank)
    _tell_the_trap(story)
    begun = site.begin()
    trap = lab.http.get(begun.url).headers["location"]
    return _toss(lab, story, trap, {STATE: begun.state}, origin)


def defended(lab: Lab, story: Story) -> str:
    with penny(lab) as site:
        _tell_the_trap(story)
        trap, cookies = site.mallorys_login()
        both = {**cookies, **{name.removeprefix(PREFIX): value for name, value in cookies.items()}}
        return _toss(lab, story, str(trap), both, site.origin)


def _tell_the_trap(story: Story) -> None:
    story.step(
        MALLORY, FINTECH, "POST /login", "It is a login of his own. He looks at the cookie that he gets."
    )
    story.step(
        BANK, MALLORY, "303 to the fintech, with code and state", "He keeps this URL, and does not open it."
    )


def _toss(lab: Lab, story: Story, trap: str, cookies: Mapping[str, str], origin: str) -> str:
    blog, blogs_origin = lab.mallorys_site(PENNYS_BLOG)
    blog.page = RedirectResponse(trap, 303)
    for name, value in cookies.items():
        blog.page.set_cookie(name, value, domain="penny.test", secure=True)
    story.step(ALICE, MALLORY, "GET an old post of the fintech's blog", "It is Mallory's host by now.")
    story.step(
        MALLORY, ALICE, "Set-Cookie for penny.test; 303 to the fintech", "The cookie is that of his login."
    )
    story.step(
        ALICE, FINTECH, "GET /callback with his code, his state, his cookie", "They belong to one login."
    )
    browser = lab.chromium()
    browser.open(f"{blogs_origin}/2019/hello-world")
    story.step(FINTECH, ALICE, "Welcome, Mallory", "She has not read the name, and adds her card.")
    browser.open(origin)
    assert "Welcome, mallory" in browser.text
    return LOOT


ATTACK = Attack(
    id="T9.2",
    title="a cookie from a sibling host",
    loot=LOOT,
    countermeasures=("C19", "C20"),
    rule="TransactionMissing",
    clause="RFC 9700 2.1c",
    defence="rpkit.web.browser_logins._sealed",
    without=lambda request, name: request.cookies.get(name.removeprefix(PREFIX), ""),
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
