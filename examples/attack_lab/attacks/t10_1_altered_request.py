"""Mallory changes the payee of a payment while the request passes through Alice's browser.

Alice wants to pay her grocer. The fintech writes the payment into the authorization request, and her browser carries
it to the bank. An extension that Mallory has talked her into sees the URL and writes his own name and account into it.
Alice is in a hurry and approves what the bank shows her.

The bank stops this. The fintech signs the request. What is not signed does not count, and what was changed afterwards
does not verify.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import GROCERIES
from examples.attack_lab.jwts import altered, claims_of
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "Alice's consent to pay Mallory instead of her grocer"
ALICE, FINTECH, BANK, MALLORY = Party.ALICE, Party.FINTECH, Party.BANK, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    url = client.begin(authorization_details=json.dumps([GROCERIES]))
    _tell(story)
    endpoint, _, query = url.partition("?")
    asked = dict(parse_qsl(query))
    asked["authorization_details"] = json.dumps(_to_mallory(json.loads(asked["authorization_details"])))
    _tell_the_change(story)
    lab.alice_opens(f"{endpoint}?{urlencode(asked)}")
    (agreed,) = bank.codes.values()
    assert "Mallory" in agreed["authorization_details"]
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    """A signed request in the URL. A pushed one, as FAPI 2.0 demands, would not be in the browser at all."""
    world = lab.under("oauth-2.1")
    client = world.client(signed_requests=True, pushed_requests=False)
    url = client.begin(authorization_details=[GROCERIES], resources=[world.payments]).url
    _tell(story)
    endpoint, _, query = url.partition("?")
    asked = dict(parse_qsl(query))
    details = _to_mallory(claims_of(asked["request"])["authorization_details"])
    asked["request"] = altered(asked["request"], authorization_details=details)
    _tell_the_change(story)
    browser = lab.browser()
    agreed = lab.alice_signs_in(browser, f"{endpoint}?{urlencode(asked)}")
    assert "Mallory" in agreed
    browser.submit({"decision": "approve"})
    assert "code=" in browser.url
    return LOOT


def _to_mallory(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**detail, "creditor_name": "Mallory"} for detail in details]


def _tell(story: Story) -> None:
    story.step(ALICE, FINTECH, "pay my grocer 12.50 EUR", "It is what she wants.")
    story.step(
        FINTECH, ALICE, "302 to the bank, with the payment in the URL", "Her browser carries the request."
    )


def _tell_the_change(story: Story) -> None:
    story.step(MALLORY, ALICE, "another payee in that URL", "An extension of the browser sees every URL.")
    story.step(ALICE, BANK, "GET /authorize, and approve", "She does not read the page to its end.")


ATTACK = Attack(
    id="T10",
    title="another payee in the request",
    loot=LOOT,
    countermeasures=("C21",),
    rule="BadSignature",
    clause="RFC 9101 6.2",
    defence="fapikit.jose.verify.check_signature",
    without=lambda jws, *_: jws.unverified_claims,
    undefended=undefended,
    defended=defended,
)
