"""Mallory's proxy script sees the URLs that Alice's computer opens, and a token is in one of them.

Her computer asks the network for a proxy script (PAC, WPAD), and Mallory's hotspot gives it one. The script is told
each URL, also those with https. A client of a partner writes the token into the query, because that was easier.
Mallory opens the same URL.

What a network tells a computer is out of the toolkit's reach. What it does is to keep tokens out of all URLs.

The API stops this. It takes tokens from the header only and refuses one in the URL, even a good one. So no client can
be written that puts them there.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from rskit.possession.credentials import Credentials

LOOT = "the balance of Alice's account"
ALICE, MALLORY, API = Party.ALICE, Party.MALLORY, Party.ACCOUNTS


def from_the_url(view: Any) -> Credentials:
    """What the mutation check puts in the place of the defence: a reader of tokens that looks into the query."""
    token = parse_qs(view.query)["access_token"][0]
    return Credentials("Bearer", token, hashlib.sha256(token.encode()).digest())


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    return _open(lab, story, f"{bank.issuer}/accounts?access_token={bank.issue('alice')}")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("oauth-2.1")
    tokens = world.signed_in(world.app(), scope="accounts", resource=world.accounts).tokens
    token = tokens.access_token_for(world.accounts).reveal()
    return _open(lab, story, f"{world.accounts}?access_token={token}")


def _open(lab: Lab, story: Story, url: str) -> str:
    story.step(
        ALICE, MALLORY, "the URL that her browser is about to open", "The proxy script is asked about each."
    )
    story.step(MALLORY, API, "GET /accounts?access_token=...", "The URL is all that it takes.")
    assert accepted(lab.http.get(url)).json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T5",
    title="a token in the URL",
    loot=LOOT,
    countermeasures=("C9",),
    rule="TokenInQuery",
    clause="RFC 9700 4.3.2",
    defence="rskit.possession.credentials.read_credentials",
    without=from_the_url,
    undefended=undefended,
    defended=defended,
)
