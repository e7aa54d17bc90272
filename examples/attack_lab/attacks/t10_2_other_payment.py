"""A fintech that Mallory has broken into pays somebody else than Alice agreed to.

Alice has agreed to pay her grocer 12.50 euros. Mallory runs code in the fintech, so he has the token for that payment
and the key that it is bound to. He sends the API an order of his own. A naive API asks whether the token may pay at
all.

The API stops this. The token says which payment Alice agreed to, and the API compares each member of the order with
it: amount and payee. It executes that payment and no other.
"""

from __future__ import annotations

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import GROCERIES
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "a payment of 9999.00 EUR from Alice's account"
ORDER = {
    **GROCERIES,
    "instructed_amount": {"currency": "EUR", "amount": "9999.00"},
    "creditor_name": "Mallory",
}


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    _tell(story)
    token = bank.issue("alice")
    headers = {"authorization": f"Bearer {token}"}
    _tell_the_order(story)
    assert (
        accepted(lab.http.post(f"{bank.issuer}/payments", json=ORDER, headers=headers)).json()["owner"]
        == "alice"
    )
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    _tell(story)
    login = world.signed_in(
        scope="payments",
        resources=[world.payments],
        authorization_details=[GROCERIES],
        resource=world.payments,
    )
    _tell_the_order(story)
    with world.fintech.api(login.tokens, base_url=world.payments, resource=world.payments) as api:
        answer = accepted(api.post(f"{world.payments}/order", json=ORDER))
    assert answer.json() == {"owner": "alice", "executed": ORDER}
    return LOOT


def _tell(story: Story) -> None:
    story.step(Party.ALICE, Party.BANK, "agree to pay the grocer 12.50 EUR", "She has read the page.")
    story.step(
        Party.BANK, Party.FINTECH, "a token for that payment", "And with it to Mallory, who is inside."
    )


def _tell_the_order(story: Story) -> None:
    story.step(
        Party.MALLORY, Party.PAYMENTS, "pay Mallory 9999.00 EUR", "Token and proof of possession are right."
    )


ATTACK = Attack(
    id="T10.2",
    title="another payment than Alice agreed to",
    loot=LOOT,
    countermeasures=("C3",),
    rule="InsufficientDetails",
    clause="RFC 9396 9",
    defence="rskit.access.Access.require_details",
    without=lambda _self, _token, needed, **_: (needed,),
    undefended=undefended,
    defended=defended,
)
