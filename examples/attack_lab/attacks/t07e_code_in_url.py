"""Mallory's proxy script sees the URL in which the code comes back to the app.

The hotspot of Mallory has given Alice's computer a proxy script. The script is told each URL, also those with https,
and one of them has the code. The app has no secret, so Mallory redeems the code before the app does.

The bank stops this. The code belongs to a verifier that was never in any URL. Without it the code is worth nothing.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
ALICE, BANK, MALLORY, ACCOUNTS = Party.ALICE, Party.BANK, Party.MALLORY, Party.ACCOUNTS


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    app = NaiveClient(lab.http, f"{lab.fintech_site}/callback", client_id=APP)
    app.choose(bank.issuer)
    callback = lab.alice_opens(app.begin())
    return _redeem(lab, story, callback, bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("oauth-2.1")
    callback = str(world.bank.browse(world.app().begin(scope="accounts", resources=[world.accounts]).url))
    return _redeem(lab, story, callback, world.metadata["token_endpoint"], world.accounts)


def _redeem(lab: Lab, story: Story, callback: str, token_endpoint: str, accounts: str) -> str:
    story.step(ALICE, BANK, "GET /authorize, approve", "The answer comes back in a URL.")
    story.step(
        ALICE, MALLORY, "the URL that her browser is about to open", "The proxy script is asked about each."
    )
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(callback).query)["code"][0],
        "code_verifier": "M" * 43,
        "client_id": APP,
        "resource": accounts,
    }
    story.step(MALLORY, BANK, "POST /token with the code", "He is faster than the app.")
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "He has an access token for Alice's account.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T7E",
    title="a code in a URL that a proxy script sees",
    loot=LOOT,
    countermeasures=("C9", "C15"),
    rule="InvalidGrant",
    clause="RFC 7636 4.6",
    defence="fapikit.pkce.verifier_matches",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
