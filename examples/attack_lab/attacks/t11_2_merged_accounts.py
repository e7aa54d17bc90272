"""Mallory makes the fintech merge Alice's data into his own account.

The fintech keeps the tokens of its customers in a table, and its page for the profile takes the number of the row from
the URL. Mallory is signed in as himself and asks for the row of Alice. A naive fintech asks the bank who that token is
about, and writes the answer into the profile of the customer who is signed in.

The fintech stops this. What the bank says about a user must be about the user of this login: the `sub` of the answer
is compared with the one of the ID token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "Alice's data in Mallory's profile"


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    rows = [bank.issue("alice"), bank.issue("mallory")]
    _tell(story)
    headers = {"authorization": f"Bearer {rows[0]}"}
    said = accepted(lab.http.get(f"{bank.issuer}/accounts", headers=headers)).json()
    return _profile_of_mallory(said, "owner", "alice")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    request: dict[str, Any] = {"scope": "openid email accounts", "resources": [world.accounts]}
    rows = [world.signed_in(**request).tokens]
    start = world.fintech.begin(**request)
    callback = world.bank.browse(start.url, username="mallory", password="overdrawn")
    mallorys_login = world.fintech.complete(callback, start.transaction, resource=world.accounts)
    _tell(story)
    said = world.fintech.userinfo(mallorys_login, tokens=rows[0]).claims
    return _profile_of_mallory(said, "email", "alice@example.test")


def _tell(story: Story) -> None:
    story.step(Party.MALLORY, Party.FINTECH, "GET /profile?row=0", "He is signed in, but row 0 is Alice's.")
    story.step(Party.FINTECH, Party.BANK, "GET /userinfo with the token of row 0", "The token is good.")
    story.step(
        Party.BANK, Party.FINTECH, "the data of Alice", "The fintech writes them into Mallory's profile."
    )


def _profile_of_mallory(said: Mapping[str, Any], member: str, of_alice: str) -> str:
    profile = {"customer": "mallory", **said}
    assert profile[member] == of_alice
    return LOOT


ATTACK = Attack(
    id="T11.2",
    title="two customers merged into one",
    loot=LOOT,
    countermeasures=("C22",),
    rule="WrongSubject",
    clause="OIDC 5.3.2",
    defence="rpkit.api.userinfo._require_same_user",
    undefended=undefended,
    defended=defended,
)
