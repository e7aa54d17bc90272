"""Mallory redeems a code that the app has redeemed already.

The app on Alice's phone writes its requests into a log, with the code and the verifier. Mallory reads the log a minute
later. A naive bank takes a code as often as it comes.

The bank stops this. A code is good once. When it comes a second time, somebody has stolen it, so the bank also revokes
what it gave for it the first time.
"""

from __future__ import annotations

import secrets
from typing import Any

from askit.record_store import Records, Step
from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
APP_PARTY, BANK, MALLORY, ACCOUNTS = Party.FINTECH, Party.BANK, Party.MALLORY, Party.ACCOUNTS
marking = Records.marking


def forgetful(records: Records, kind: str, name: str, *arguments: Any, **named: Any) -> Step[bool]:
    """What the mutation check puts in the place of the defence: the mark of a used code goes where nobody looks."""
    return marking(records, kind, secrets.token_hex() if kind == "code-used" else name, *arguments, **named)


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    app = NaiveClient(lab.http, f"{lab.fintech_site}/callback", client_id=APP)
    app.choose(bank.issuer)
    callback = lab.alice_opens(app.begin())
    app.complete(callback)
    form = {"code": callback.partition("code=")[2].partition("&")[0]}
    return _again(lab, story, form, bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("oauth-2.1")
    app = world.app()
    start = app.begin(scope="accounts", resources=[world.accounts])
    callback = str(world.bank.browse(start.url))
    app.complete(callback, start.transaction, resource=world.accounts)
    form = {
        "code": callback.partition("code=")[2].partition("&")[0],
        "code_verifier": start.transaction.verifier.reveal(),
    }
    return _again(lab, story, form, world.metadata["token_endpoint"], world.accounts)


def _again(lab: Lab, story: Story, logged: dict[str, str], token_endpoint: str, accounts: str) -> str:
    story.step(
        APP_PARTY, BANK, "POST /token with code and verifier", "The app redeems its code, and logs that."
    )
    story.step(APP_PARTY, MALLORY, "the log", "Code and verifier are in it.")
    story.step(
        MALLORY, BANK, "POST /token with the same code and verifier", "An app has nothing else to show."
    )
    form = {"grant_type": "authorization_code", "client_id": APP, "resource": accounts, **logged}
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "He has a token of his own for Alice's account.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T7",
    title="a code used twice",
    loot=LOOT,
    countermeasures=("C12",),
    rule="InvalidGrant",
    clause="RFC 6749 4.1.2",
    defence="askit.record_store.Records.marking",
    without=forgetful,
    undefended=undefended,
    defended=defended,
)
