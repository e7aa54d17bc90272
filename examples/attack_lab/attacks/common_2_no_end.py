"""A client that Alice no longer trusts goes on using what she once granted.

Alice let Mallory Ltd read her accounts. Then she reads in the news what Mallory Ltd does with data. She changes her
mind, but a naive bank has no page for that, and what it issued is good for ever.

The bank stops this. Its page lists who may do what, and ends a grant. A grant that has ended gives no tokens any more.
"""

from __future__ import annotations

import httpx

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "Alice's balance, after she ended the access"
ALICE, BANK, CLIENT, ACCOUNTS = Party.ALICE, Party.BANK, Party.MALLORY, Party.ACCOUNTS


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = NaiveClient(lab.http, f"{lab.mallory_ltd_site}/callback", client_id="mallory-ltd")
    client.choose(bank.issuer)
    _tell_the_grant(story)
    client.complete(lab.alice_opens(client.begin()))
    _tell_the_end(story)
    headers = {"authorization": f"Bearer {client.access_token}"}
    return _read(story, lab.http.get(f"{bank.issuer}/accounts", headers=headers))


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    client = world.mallorys_client()
    _tell_the_grant(story)
    login = world.signed_in(client, resource=world.accounts)
    _tell_the_end(story)
    browser = lab.browser()
    lab.alice_signs_in(browser, f"{world.bank.issuer}/grants")
    browser.submit({})
    tokens = client.refresh(login.tokens, resource=world.accounts)
    with client.api(tokens, base_url=world.accounts, resource=world.accounts) as api:
        return _read(story, api.get(world.accounts))


def _tell_the_grant(story: Story) -> None:
    story.step(ALICE, BANK, "let Mallory Ltd read my accounts", "At that time she means it.")


def _tell_the_end(story: Story) -> None:
    story.step(ALICE, BANK, "end the access of Mallory Ltd", "A naive bank has no page for that.")
    story.step(CLIENT, BANK, "POST /token: one more access token", "It still has the refresh token.")


def _read(story: Story, answer: httpx.Response) -> str:
    story.step(CLIENT, ACCOUNTS, "GET /accounts", "What was issued once is good for ever.")
    assert accepted(answer).json()["owner"] == "alice"
    return LOOT


ATTACK = Attack(
    id="common.2",
    title="access that Alice has ended",
    loot=LOOT,
    countermeasures=("C2",),
    rule="GrantEnded",
    clause="RFC 6749 5.2",
    defence="askit.users.grants.end",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
