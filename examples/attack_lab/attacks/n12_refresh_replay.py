"""Mallory uses a refresh token that the app has already exchanged for a new one.

An app on a phone has no secret and no key. Its refresh token is all that a thief needs, and Mallory has copied one out
of a backup. The app goes on refreshing and never notices, because a naive bank accepts old refresh tokens for ever.

The bank stops this. Each use of an app's refresh token gives a new one, and the old one is spent. When a spent one
comes again, one of the two who use the family is a thief. So the bank ends the grant, for both.
"""

from __future__ import annotations

from dataclasses import replace

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
APP_PARTY, BANK, MALLORY, ACCOUNTS = Party.FINTECH, Party.BANK, Party.MALLORY, Party.ACCOUNTS


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    app = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    app.choose(bank.issuer)
    app.complete(lab.alice_opens(app.begin()))
    stolen = app.refresh_token
    _tell(story)
    app.refresh()
    app.refresh()
    return _use(lab, story, stolen, bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("oauth-2.1")
    app = world.app()
    tokens = world.signed_in(app, scope="accounts", resource=world.accounts).tokens
    assert tokens.refresh_token is not None
    stolen = tokens.refresh_token.reveal()
    _tell(story)
    app.refresh(app.refresh(tokens, resource=world.accounts), resource=world.accounts)
    return _use(lab, story, stolen, world.metadata["token_endpoint"], world.accounts)


def _tell(story: Story) -> None:
    story.step(APP_PARTY, MALLORY, "a backup of the phone", "The app's refresh token is in it.")
    story.step(
        APP_PARTY, BANK, "POST /token, twice", "The app goes on, and its token is exchanged each time."
    )


def _use(lab: Lab, story: Story, stolen: str, token_endpoint: str, accounts: str) -> str:
    story.step(
        MALLORY, BANK, "POST /token with the old refresh token", "Nothing but the token is asked of an app."
    )
    form = {"grant_type": "refresh_token", "refresh_token": stolen, "client_id": APP, "resource": accounts}
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "Mallory has access for as long as he likes.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="N12",
    title="a refresh token that is spent",
    loot=LOOT,
    countermeasures=("C13",),
    rule="InvalidGrant",
    clause="RFC 9700 4.14.2",
    defence="askit.issuing.refresh_tokens._after",
    without=lambda family, *_: replace(family, current=family.current + 1),
    undefended=undefended,
    defended=defended,
)
