"""Mallory's bank calls itself by the name of the honest bank, and has a token endpoint of its own.

The fintech reads the metadata of each bank at the bank's address. Those of Mallory's bank name the honest bank as the
issuer, with its authorization endpoint, and Mallory's own token endpoint. Alice signs in at the honest bank, and the
response names the honest bank. That is just what the fintech expects by now, so even a client that looks at `iss`
sends the code to Mallory.

The fintech stops this when it reads the metadata. They must name the issuer that they were asked for.
"""

from __future__ import annotations

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import HostileBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story
from fapikit.metadata import ServerMetadata

LOOT = "the balance of Alice's account"
ALICE, BANK, FINTECH, MALLORY, HOSTILE = (
    Party.ALICE,
    Party.BANK,
    Party.FINTECH,
    Party.MALLORY,
    Party.HOSTILE_BANK,
)


def undefended(lab: Lab, story: Story) -> str:
    honest = lab.naive_bank()
    hostile = lab.hostile_bank(honest.metadata, "token_endpoint", issuer=honest.issuer)
    fintech = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    _tell_the_metadata(story)
    fintech.choose(hostile.issuer)
    _tell_the_way(story)
    fintech.complete(lab.alice_opens(fintech.begin()))
    return _redeem(lab, story, hostile, honest.metadata["token_endpoint"], f"{honest.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """The fintech's app, which has no secret: what Mallory gets is all that he needs."""
    world = lab.under("oauth-2.1")
    hostile = lab.hostile_bank(world.metadata, "token_endpoint", issuer=world.bank.issuer)
    _tell_the_metadata(story)
    app = world.app(hostile.issuer)
    _tell_the_way(story)
    start = app.begin(scope="accounts", resources=[world.accounts])
    app.complete(world.bank.browse(start.url), start.transaction, resource=world.accounts)
    return _redeem(lab, story, hostile, world.metadata["token_endpoint"], world.accounts)


def _tell_the_metadata(story: Story) -> None:
    story.step(FINTECH, HOSTILE, "GET /.well-known/oauth-authorization-server", "The user chose this bank.")


def _tell_the_way(story: Story) -> None:
    story.step(
        HOSTILE, FINTECH, "issuer: the honest bank; token_endpoint: mine", "Nobody compares the issuer."
    )
    story.step(
        ALICE, BANK, "GET /authorize, sign in, approve", "It is the honest bank, and so is the response."
    )
    story.step(FINTECH, HOSTILE, "POST /token with the code", "As the metadata say.")


def _redeem(lab: Lab, story: Story, hostile: HostileBank, token_endpoint: str, accounts: str) -> str:
    sent = hostile.last("/token").form
    story.step(
        MALLORY, BANK, "POST /token with all that the fintech sent", "The bank cannot tell the two apart."
    )
    form = {**sent, "client_id": sent.get("client_id", APP)}
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="N9",
    title="metadata in the name of another bank",
    loot=LOOT,
    countermeasures=("C10", "C11"),
    rule="IssuerMismatch",
    clause="RFC 8414 3.3",
    defence="fapikit.metadata.read_metadata",
    without=lambda _issuer, members, **_: ServerMetadata(members["issuer"], members),
    undefended=undefended,
    defended=defended,
)
