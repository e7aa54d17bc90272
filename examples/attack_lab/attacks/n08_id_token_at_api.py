"""Mallory sends an ID token of Alice's to an API, as if it were an access token.

Alice once signed in at a game that Mallory runs. The bank gave the game an ID token about her. It says who she is, and
has the bank's signature. A naive API verifies signature and issuer, reads `sub`, and serves Alice's data.

The API stops this. An access token has claims of its own, such as the client that it was issued to, and an ID token
has not. Here the API even takes tokens without the type `at+jwt`, as for a bank that does not write it. Without that
setting the type alone would give the ID token away.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.api import believing
from examples.attack_lab.story import Party, Story
from rskit import Issuer

LOOT = "the answer of the API to Alice"
ALICE, BANK, MALLORY, API = Party.ALICE, Party.BANK, Party.MALLORY, Party.ACCOUNTS


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.under("oauth-2.1").bank
    return _send(lab, story, lab.serve(believing(bank.issuer)))


def defended(lab: Lab, story: Story) -> str:
    bank = lab.under("oauth-2.1").bank
    issuers = [Issuer(bank.issuer, typ="any")]
    return _send(lab, story, lab.protect(PlainTextResponse("welcome"), bank.issuer, issuers=issuers))


def _send(lab: Lab, story: Story, api: str) -> str:
    world = lab.under("oauth-2.1")
    story.step(ALICE, BANK, "sign in for a game", "The game is Mallory's, and honestly registered.")
    login = world.signed_in(world.mallorys_client(), resource=world.accounts)
    assert login.id_token is not None
    story.step(BANK, MALLORY, "an ID token about Alice", "Signed with the key that signs access tokens.")
    story.step(MALLORY, API, "a call with the ID token in the header", "It is a JWT of the right bank.")
    headers = {"authorization": f"Bearer {login.id_token.token}"}
    assert accepted(lab.http.get(f"{api}/", headers=headers)).text == "welcome"
    story.step(API, MALLORY, "Alice's data", "The API has read who Alice is, and not what the JWT is for.")
    return LOOT


ATTACK = Attack(
    id="N8",
    title="an ID token used as an access token",
    loot=LOOT,
    countermeasures=(),
    rule="MissingClaim",
    clause="RFC 9068 2.2",
    defence="rskit.tokens.jwt._require_claims",
    undefended=undefended,
    defended=defended,
)
