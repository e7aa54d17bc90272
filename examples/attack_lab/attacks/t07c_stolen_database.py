"""Mallory copies the database of the fintech, with the refresh tokens of its customers.

The backup of the database lies where Mallory can read it. A naive fintech keeps its tokens as they came.

The fintech stops this. Tokens are sealed before they are stored: encrypted, and bound to what they are for. The key of
the seal is not in the database.
"""

from __future__ import annotations

import json
import secrets

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story
from fapikit import base64url
from fapikit.stores.sealed import Seal
from rpkit import TokenSet
from rpkit.tokens.token_set import SEAL_CONTEXT

LOOT = "the balance of Alice's account"
FINTECH, BANK, MALLORY, ACCOUNTS = Party.FINTECH, Party.BANK, Party.MALLORY, Party.ACCOUNTS


sealing = Seal.seal


def in_clear(seal: Seal, value: bytes, context: str) -> bytes:
    """What the mutation check puts in the place of the defence: tokens are kept as they are."""
    return value if context == SEAL_CONTEXT else sealing(seal, value, context)


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback", client_id=APP)
    client.choose(bank.issuer)
    client.complete(lab.alice_opens(client.begin()))
    row = json.dumps({"refresh_token": client.refresh_token}).encode()
    return _use(lab, story, base64url.encode(row), bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """The tokens of an app, which Mallory could use as they are."""
    world = lab.under("oauth-2.1")
    tokens = world.signed_in(world.app(), scope="accounts", resource=world.accounts).tokens
    row = tokens.seal(Seal([secrets.token_bytes(32)]))
    return _use(lab, story, row, world.metadata["token_endpoint"], world.accounts)


def _use(lab: Lab, story: Story, row: str, token_endpoint: str, accounts: str) -> str:
    story.step(FINTECH, MALLORY, "a backup of the database", "It lies in a bucket that everybody can read.")
    story.step(MALLORY, BANK, "POST /token with the refresh token of row 1", "If he can read the row.")
    form = {
        "grant_type": "refresh_token",
        "client_id": APP,
        "refresh_token": _read(row),
        "resource": accounts,
    }
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "He goes on as the app would.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


def _read(row: str) -> str:
    """As plain JSON; else with a key that Mallory makes up."""
    try:
        return str(json.loads(base64url.decode(row))["refresh_token"])
    except ValueError:
        opened = TokenSet.open(row, Seal([secrets.token_bytes(32)]))
        assert opened.refresh_token is not None
        return opened.refresh_token.reveal()


ATTACK = Attack(
    id="T7C",
    title="refresh tokens out of a stolen database",
    loot=LOOT,
    countermeasures=("C6",),
    rule="SealBroken",
    clause="",
    defence="fapikit.stores.sealed.Seal.seal",
    without=in_clear,
    undefended=undefended,
    defended=defended,
)
