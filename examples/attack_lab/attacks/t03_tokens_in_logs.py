"""Mallory reads Alice's token in the error tracker of the fintech.

Something fails at the fintech. The error tracker writes down the variables of the function that failed, and one of
them is Alice's token. Mallory has an account at the error tracker, as so many have.

The client stops this. Whatever is secret shows itself as three stars: in logs, in errors, in the variables of a frame.
So what Mallory finds is no token.
"""

from __future__ import annotations

import re

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS
TOKEN = re.compile(r"(?:access_token='|access_tokens=\(AccessToken\(value=)([^,']+)")


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    client.complete(lab.alice_opens(client.begin()))
    return _read(lab, story, f"error: 500 variables: client={client!r}", f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """A bearer token. Under FAPI 2.0 a token that leaks is worth nothing without its key."""
    world = lab.under("oauth-2.1")
    tokens = world.signed_in(world.app(), scope="accounts", resource=world.accounts).tokens
    return _read(lab, story, f"error: 500 variables: tokens={tokens!r}", world.accounts)


def _read(lab: Lab, story: Story, log: str, accounts: str) -> str:
    story.step(
        FINTECH,
        MALLORY,
        "a line of the log, with all variables",
        "An error tracker keeps what might explain.",
    )
    found = TOKEN.search(log)
    assert found is not None, log
    story.step(
        MALLORY, API, "GET /accounts with what stands there as the token", "A token needs no more than that."
    )
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {found[1]}"}))
    assert answer.json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T3",
    title="a token in the error tracker",
    loot=LOOT,
    countermeasures=("C6",),
    rule="MalformedCredentials",
    clause="RFC 6750 2.1",
    defence="fapikit.secrets.Concealed.__repr__",
    without=lambda secret: str(secret.reveal()),
    undefended=undefended,
    defended=defended,
)
