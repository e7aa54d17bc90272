"""Whoever runs one API uses the tokens that reach it at another API.

Alice lets the fintech read her accounts. The fintech sends her token to the accounts API, and Mallory works there. He
copies the token out of a request and sends it to the payments API of the same bank. A naive API asks only whether the
bank knows the token.

The payments API stops this. A token names the API that it is for (`aud`), and every other API refuses it.
"""

from __future__ import annotations

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "Alice's money: the payments API takes a payment from her account"


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    return _replay(lab, story, bank.issue("alice"), f"{bank.issuer}/payments")


def defended(lab: Lab, story: Story) -> str:
    """A bearer token: the audience alone protects it. Under FAPI 2.0 Mallory would also need the fintech's key."""
    world = lab.under("oauth-2.1")
    login = world.signed_in(world.app(), scope="accounts payments", resource=world.accounts)
    token = login.tokens.access_token_for(world.accounts).reveal()
    return _replay(lab, story, token, world.payments)


def _replay(lab: Lab, story: Story, token: str, payments: str) -> str:
    fintech, mallory = Party.FINTECH, Party.MALLORY
    story.step(
        fintech, Party.ACCOUNTS, "GET /accounts with Alice's token", "Mallory works there, and copies it."
    )
    story.step(
        mallory, Party.PAYMENTS, "POST /payments with that token", "The bank's signature is good here too."
    )
    answer = lab.http.post(payments, headers={"authorization": f"Bearer {token}"}, json={"payee": "Mallory"})
    assert accepted(answer).json()["owner"] == "alice"
    story.step(
        Party.PAYMENTS, mallory, "the payment is booked", "The API never asked whom the token was for."
    )
    return LOOT


ATTACK = Attack(
    id="N4",
    title="access token replayed at another API",
    loot=LOOT,
    countermeasures=("C3",),
    rule="WrongAudience",
    clause="RFC 9068 4-4",
    defence="fapikit.jose.claims.check_audience",
    undefended=undefended,
    defended=defended,
)
