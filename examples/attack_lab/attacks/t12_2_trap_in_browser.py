"""A link of Mallory's signs Alice in at the fintech, as Mallory.

Mallory begins a login at the fintech, signs in at the bank as himself, and stops at the last step: he keeps the URL
that brings his code back. His page sends Alice's browser to this URL. A naive fintech takes the code and signs the
browser in. Alice adds her card and her payees, and all of it is in Mallory's account. Chromium is asked here, because
what it sends along decides.

The fintech stops this. Each login is in a cookie of the browser that began it, and Alice's browser has no cookie of
this login. So nothing that Mallory can put into a URL is enough.
"""

from __future__ import annotations

from starlette.responses import RedirectResponse

from examples.attack_lab.attack import Attack
from examples.attack_lab.hostnames import MALLORYS
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.web_site import NaiveWebSite
from examples.attack_lab.penny import penny
from examples.attack_lab.story import Party, Story

LOOT = "Alice working in his account"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
KEPT: dict[str, str] = {}
"""The logins of all browsers. A fintech without the defence keeps them on the server, and finds them by the state."""


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    bank.user = "mallory"
    site, origin = lab.naive_web_site(NaiveWebSite, bank)
    _tell_the_trap(story)
    trap = lab.http.get(site.begin().url).headers["location"]
    return _spring(lab, story, trap, origin)


def defended(lab: Lab, story: Story) -> str:
    with penny(lab) as site:
        _tell_the_trap(story)
        trap, cookies = site.mallorys_login()
        KEPT.update(cookies)
        return _spring(lab, story, str(trap), site.origin)


def _tell_the_trap(story: Story) -> None:
    story.step(MALLORY, FINTECH, "POST /login", "It is a login of his own, in his own browser.")
    story.step(MALLORY, BANK, "sign in as Mallory, approve", "Nothing is wrong so far.")
    story.step(
        BANK, MALLORY, "303 to the fintech, with code and state", "He keeps this URL, and does not open it."
    )


def _spring(lab: Lab, story: Story, trap: str, origin: str) -> str:
    prize, mallorys_origin = lab.mallorys_site(MALLORYS)
    prize.page = RedirectResponse(trap, 303)
    story.step(ALICE, MALLORY, "GET a page that promises a prize", "It sends her browser on at once.")
    story.step(ALICE, FINTECH, "GET /callback with Mallory's code and state", "The URL is a real one.")
    browser = lab.chromium()
    browser.open(f"{mallorys_origin}/prize")
    story.step(FINTECH, ALICE, "Welcome, Mallory", "She has not read the name, and adds her card.")
    browser.open(origin)
    assert "Welcome, mallory" in browser.text
    return LOOT


ATTACK = Attack(
    id="T12.2",
    title="a link that signs Alice in as Mallory",
    loot=LOOT,
    countermeasures=("C19", "C22"),
    rule="TransactionMissing",
    clause="RFC 9700 2.1c",
    defence="rpkit.web.browser_logins._sealed",
    without=lambda _request, name: KEPT.get(name, ""),
    undefended=undefended,
    defended=defended,
    needs_browser=True,
)
