"""Mallory puts the code of another payment into a response that the bank has signed beside it.

Last week Alice bought something in Mallory's shop, agreed to pay at her bank, and closed the page before the payment
was made. Its code is still in Mallory's hands. Now Alice pays her grocer. The response comes through her browser, and
an extension that Mallory has talked her into puts the code of his payment in the place of the right one. State and ID
token stay as they are: both are of this login, and the bank has signed the ID token. A naive fintech pays Mallory.

The fintech stops this before it redeems the code. The ID token has the hash of the code that it came with (`c_hash`).
So it is the detached signature of the whole response. Here this is the last rule, because the bank keeps one nonce for
each user, and so the second ID token fits both payments.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import GROCERIES
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.naive.signing_bank import HybridBank
from examples.attack_lab.story import Party, Story

LOOT = "Alice's payment to him, in the place of the one to her grocer"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
OTHER_CODE = "the-code-of-the-other-payment"
HYBRID = "code id_token"


class PaymentBank(HybridBank):
    """`paid`: who is paid with the last code that was redeemed."""

    paid = ""

    def __init__(self, issuer: str, **settings: Any) -> None:
        super().__init__(issuer, **settings)
        to_mallory = json.dumps([{**GROCERIES, "creditor_name": "Mallory"}])
        self.codes[OTHER_CODE] = {"user": "alice", "authorization_details": to_mallory}

    def owner_of(self, form: Any) -> str | None:
        (payment,) = json.loads(self.codes[form["code"]]["authorization_details"])
        self.paid = payment["creditor_name"]
        return super().owner_of(form)


class FragmentClient(NaiveClient):
    """It takes the code out of the fragment, and leaves the ID token there."""

    def complete(self, callback: str) -> None:
        self.redeem(dict(parse_qsl(callback.partition("#")[2]))["code"])


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(PaymentBank)
    client = FragmentClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    _tell(story)
    asked = {"response_type": HYBRID, "nonce": "a nonce", "authorization_details": json.dumps([GROCERIES])}
    callback = lab.alice_opens(client.begin("openid", **asked))
    _tell_the_return(story)
    client.complete(_with_the_other_code(callback))
    return _look(story, bank)


def defended(lab: Lab, story: Story) -> str:
    """The toolkit's client, at a bank that has no PKCE."""
    bank = lab.naive_bank(PaymentBank)
    client = lab.app_at(bank, response_type=HYBRID, profile="fapi1-baseline")
    _tell(story)
    start = client.begin(scope="openid", authorization_details=[GROCERIES])
    callback = lab.alice_opens(start.url)
    _tell_the_return(story)
    client.complete(_with_the_other_code(callback), start.transaction)
    return _look(story, bank)


def _with_the_other_code(callback: str) -> str:
    address, _, response = callback.partition("#")
    return f"{address}#{urlencode({**dict(parse_qsl(response)), 'code': OTHER_CODE})}"


def _tell(story: Story) -> None:
    story.step(ALICE, FINTECH, "pay my grocer 12.50 EUR", "It is what she wants.")
    story.step(ALICE, BANK, "sign in, approve", "The page shows her grocer.")


def _tell_the_return(story: Story) -> None:
    story.step(BANK, ALICE, "302 to the fintech, with code, state and ID token", "It is for her browser.")
    story.step(MALLORY, ALICE, "the other code in that URL", "It is a code of Alice's, for this fintech.")
    story.step(ALICE, FINTECH, "the response", "State and ID token are those of this login.")


def _look(story: Story, bank: PaymentBank) -> str:
    story.step(FINTECH, BANK, "POST /token with the other code", "It is good: nobody has redeemed it yet.")
    assert bank.paid == "Mallory"
    return LOOT


ATTACK = Attack(
    id="T10.5",
    title="another code beside the signature",
    loot=LOOT,
    countermeasures=("C21",),
    rule="WrongHash",
    clause="OIDC 3.3.2.11",
    defence="rpkit.login.hashes.require_hash",
    undefended=undefended,
    defended=defended,
)
