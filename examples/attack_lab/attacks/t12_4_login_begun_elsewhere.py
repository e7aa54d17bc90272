"""Mallory's page makes Alice's browser begin a login at the fintech that she never wanted.

Many attacks on a login need one that is under way. A page of Mallory's has a button that posts to the fintech's
`/login`. Alice's browser is sent to her bank, where she is signed in, and comes back. The naive fintech has connected
her account, and nobody asked her. Chromium is asked here: it is the browser that tells where a form comes from.

The fintech stops this. A login begins on one of its own pages. The browser says which site a form was on
(`Sec-Fetch-Site`, or `Origin` in older ones), and a form of another site begins nothing.
"""

from __future__ import annotations

from starlette.responses import HTMLResponse

from examples.attack_lab.answers import NothingCame, Refused
from examples.attack_lab.attack import Attack
from examples.attack_lab.chromium import Tab
from examples.attack_lab.hostnames import MALLORYS
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.web_site import NaiveWebSite
from examples.attack_lab.penny import penny
from examples.attack_lab.story import Party, Story

LOOT = "a login under way in Alice's browser, begun by him"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    """The naive bank finds Alice signed in, and asks nothing."""
    _, origin = lab.naive_web_site(NaiveWebSite, lab.naive_bank())
    browser = _begin(lab, story, origin)
    browser.open(origin)
    assert "Welcome, alice" in browser.text
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    with penny(lab) as site:
        browser = _begin(lab, story, site.origin)
        assert browser.url.startswith(site.world.bank.issuer)
        return LOOT


def _begin(lab: Lab, story: Story, origin: str) -> Tab:
    prize, mallorys_origin = lab.mallorys_site(MALLORYS)
    prize.page = HTMLResponse(f'<form method="post" action="{origin}/login"><button>Win</button></form>')
    story.step(ALICE, MALLORY, "GET a page that promises a prize", "Its button is a form for the fintech.")
    browser = lab.chromium()
    browser.open(f"{mallorys_origin}/prize")
    story.step(
        ALICE, FINTECH, "POST /login, from Mallory's page", "The fintech sees a browser like any other."
    )
    try:
        browser.submit({})
    except Refused as refused:
        raise NothingCame(refused.words, clause="FAPI2-SP 5.3.3.1-12") from None
    story.step(FINTECH, ALICE, "303 to the bank", "A login is under way that Alice has not begun.")
    return browser


ATTACK = Attack(
    id="T12.4",
    title="a login that another site begins",
    loot=LOOT,
    countermeasures=("C19",),
    rule="NothingCame",
    clause="FAPI2-SP 5.3.3.1-12",
    defence="rpkit.web.browser_logins.may_start",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
