"""Mallory listens to the wire, and the token passes by.

The fintech sends Alice's token to an address that begins with http. Mallory runs the hotspot in between, and reads it.

The fintech stops this before it sends anything. The client takes addresses with https only, and offers the cipher
suites of the profile. Only on loopback, where there is no wire, it takes http.
"""

from __future__ import annotations

import httpx

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS
IN_CLEAR = "http://api.bank.example/accounts"


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    hotspot, proxy = lab.hotspot()
    token = bank.issue("alice")
    _tell(story)
    with httpx.Client(proxy=proxy, trust_env=False) as http:
        http.get(IN_CLEAR, headers={"authorization": f"Bearer {token}"})
    return _use(lab, story, hotspot.seen[-1].headers["authorization"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """A bearer token, which Mallory can use as it is."""
    world = lab.under("oauth-2.1")
    app = world.app()
    tokens = world.signed_in(app, scope="accounts", resource=world.accounts).tokens
    hotspot, proxy = lab.hotspot()
    _tell(story)
    with app.api(tokens, base_url=IN_CLEAR, resource=world.accounts, proxy=proxy) as api:
        api.get(IN_CLEAR)
    return _use(lab, story, hotspot.seen[-1].headers["authorization"], world.accounts)


def _tell(story: Story) -> None:
    story.step(FINTECH, API, f"GET {IN_CLEAR}", "Somebody forgot an s, and the API answers there too.")


def _use(lab: Lab, story: Story, authorization: str, accounts: str) -> str:
    story.step(FINTECH, MALLORY, "the token, as it passes his hotspot", "Nothing on this wire is encrypted.")
    story.step(MALLORY, API, "GET /accounts with that token", "By https, like everybody else.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": authorization}))
    assert answer.json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T2",
    title="eavesdropping on a call in clear text",
    loot=LOOT,
    countermeasures=("C5",),
    rule="InsecureUrl",
    clause="RFC 9325 3.1.1",
    defence="fapikit.urls.require_secure",
    without=lambda url, *_: url,
    undefended=undefended,
    defended=defended,
)
