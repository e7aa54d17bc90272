"""Mallory's bank gets the code that Alice's bank issued, because the fintech does not notice who answered.

The fintech works with many banks, and one of them is Mallory's. Alice's login is sent to that bank: Mallory has
changed her choice on the way, or has talked her into it. Mallory's bank redirects Alice's browser to her real bank,
with the parameters that the fintech made. Alice signs in at her real bank and approves. Her bank sends the code to the
fintech. The fintech believes that Mallory's bank has answered, and redeems the code there. So Mallory has the code,
and all that the fintech sends along to redeem it.

The fintech stops this. The response names the bank that made it (`iss`), and the client compares that with the bank
that this login was sent to, before it does anything with the code.
"""

from __future__ import annotations

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import HostileBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
ALICE, BANK, FINTECH, ACCOUNTS = Party.ALICE, Party.BANK, Party.FINTECH, Party.ACCOUNTS
HOSTILE, MALLORY = Party.HOSTILE_BANK, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    honest = lab.naive_bank()
    hostile = lab.hostile_bank(honest.metadata, "authorization_endpoint", "token_endpoint")
    fintech = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    fintech.choose(hostile.issuer)
    tell_the_way(story)
    callback = lab.alice_opens(fintech.begin())
    _tell_the_return(story)
    fintech.complete(callback)
    return redeem(lab, story, hostile, honest.metadata["token_endpoint"], f"{honest.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """The fintech's app, which has no secret: nothing but `iss` is between Mallory and the account."""
    world = lab.under("oauth-2.1")
    hostile = lab.hostile_bank(world.metadata, "authorization_endpoint", "token_endpoint")
    app = world.app(hostile.issuer)
    tell_the_way(story)
    start = app.begin(scope="accounts", resources=[world.accounts])
    callback = lab.alice_opens(start.url, world)
    _tell_the_return(story)
    app.complete(callback, start.transaction, resource=world.accounts)
    return redeem(lab, story, hostile, world.metadata["token_endpoint"], world.accounts)


def tell_the_way(story: Story) -> None:
    """Until Alice has approved at her own bank."""
    story.step(ALICE, FINTECH, "connect my bank", "Mallory has changed her choice to his own bank.")
    story.step(FINTECH, ALICE, "302 to the hostile bank", "The fintech remembers that bank for this login.")
    story.step(ALICE, HOSTILE, "GET /authorize", "Mallory reads the request, and changes nothing in it.")
    story.step(HOSTILE, ALICE, "302 to the honest bank", "The same request, at the bank that Alice knows.")
    story.step(
        ALICE, BANK, "GET /authorize, sign in, approve", "The page shows her bank and the fintech, as always."
    )


def _tell_the_return(story: Story) -> None:
    story.step(BANK, ALICE, "302 to the fintech with code, state and iss", "A naive bank leaves iss out.")
    story.step(ALICE, FINTECH, "GET /callback?code=...", "The state is right: it is the one of this login.")


def redeem(lab: Lab, story: Story, hostile: HostileBank, token_endpoint: str, accounts: str) -> str:
    """The code has come to the hostile bank, and Mallory uses it. Returns the loot."""
    story.step(FINTECH, HOSTILE, "POST /token with the code", "This login was sent to the hostile bank.")
    sent = hostile.last("/token").form
    story.step(
        MALLORY, BANK, "POST /token with all that the fintech sent", "The bank cannot tell the two apart."
    )
    form = {**sent, "client_id": sent.get("client_id", APP)}
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "Mallory has an access token for Alice's account.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer == {"owner": "alice", "balance": "18000.00"}, answer
    return LOOT


ATTACK = Attack(
    id="T6",
    title="mix-up of two banks",
    loot=LOOT,
    countermeasures=("C11",),
    rule="WrongResponseIssuer",
    clause="RFC 9207 2.4a",
    defence="rpkit.login.callback._check_issuer",
    undefended=undefended,
    defended=defended,
)
