"""Mallory's bank makes the fintech sign an assertion for another bank, and signs in there as the fintech.

The fintech authenticates by assertions that it signs. A naive client writes into each of them the token endpoint of
the bank that it calls, as that bank's metadata give it. Mallory's bank gives the token endpoint of the honest bank,
and a PAR endpoint of its own. So the fintech calls Mallory with an assertion that is good at the honest bank. Mallory
sends it on, and the honest bank believes that the fintech is calling.

The assertion of the toolkit's client names the issuer of the bank that it is meant for. That is the one value that a
hostile bank cannot choose. The bank accepts its own issuer as the audience, as a single string, and nothing else.
"""

from __future__ import annotations

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import HostileBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.proofs import send_with_proof
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey

LOOT = "an access token that the bank issued to the fintech"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
HOSTILE, PAR = Party.HOSTILE_BANK, "pushed_authorization_request_endpoint"


def undefended(lab: Lab, story: Story) -> str:
    honest = lab.naive_bank()
    hostile = lab.hostile_bank(honest.metadata, PAR)
    fintech = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    fintech.choose(hostile.issuer)
    _tell(story)
    fintech.push()
    return _replay(lab, story, hostile, honest.metadata["token_endpoint"], f"{honest.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    hostile = lab.hostile_bank(world.metadata, PAR)
    _tell(story)
    world.client(hostile.issuer).begin(scope="accounts")
    return _replay(lab, story, hostile, world.metadata["token_endpoint"], world.accounts)


def _tell(story: Story) -> None:
    story.step(
        FINTECH, HOSTILE, "GET the metadata", "They name the honest bank's token endpoint as this bank's own."
    )
    story.step(ALICE, FINTECH, "connect the hostile bank", "Mallory may be the customer himself.")
    story.step(
        FINTECH, HOSTILE, "POST /par with an assertion", "A naive client made it for the token endpoint."
    )


def _replay(lab: Lab, story: Story, hostile: HostileBank, token_endpoint: str, accounts: str) -> str:
    sent = hostile.last("/par").form
    form = {
        "grant_type": "client_credentials",
        "scope": "accounts",
        "resource": accounts,
        "client_assertion_type": sent["client_assertion_type"],
        "client_assertion": sent["client_assertion"],
    }
    story.step(
        MALLORY,
        BANK,
        "POST /token with that assertion",
        "It has the fintech's signature, and was never used.",
    )
    answer = accepted(
        send_with_proof(lab.http, "POST", token_endpoint, PrivateKey.generate("ES256"), data=form)
    )
    story.step(BANK, MALLORY, "an access token of the fintech", "It is bound to Mallory's key.")
    assert answer.json()["access_token"]
    return LOOT


ATTACK = Attack(
    id="N3",
    title="client assertion replayed at another bank",
    loot=LOOT,
    countermeasures=("C14",),
    rule="WrongAudience",
    clause="FAPI2-SP 5.3.2.1-8",
    defence="fapikit.jose.claims.check_audience",
    undefended=undefended,
    defended=defended,
)
