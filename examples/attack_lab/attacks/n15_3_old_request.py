"""Alice pays Mallory's shop once more, by a signed request that she has approved before.

Last month Alice bought something in Mallory's shop. The fintech signed the payment request, and her browser carried it
to her bank, so Mallory's extension has it. Now he sends her that link again: her payment, it says, must be confirmed.
The link is her bank's, the page shows the fintech, and she approves. At a naive bank the signature is right, as it was
last month, so that is a second payment.

The bank stops this. A signed request has an end, which the toolkit's client sets to five minutes after it was signed,
and after it the bank does not even ask Alice.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from askit.pytest_plugin.movable_clock import MovableClock
from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks.n15_2_beside_the_signature import MergingBank
from examples.attack_lab.ecosystem import GROCERIES
from examples.attack_lab.jwts import signed
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "Alice's consent to pay him a second time"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
MONTH = 30 * 24 * 3600.0
TO_MALLORY = {**GROCERIES, "creditor_name": "Mallory"}


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(MergingBank)
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    request = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "authorization_details": json.dumps([TO_MALLORY]),
    }
    query = urlencode({"client_id": client.client_id, "request": signed(request, client.key)})
    link = f"{bank.issuer}/authorize?{query}"
    _tell(story)
    lab.alice_opens(link)
    _tell_the_second_time(story)
    lab.alice_opens(link)
    assert [asked["client_id"] for asked in bank.codes.values()] == [client.client_id] * 2
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    """A signed request in the URL. To push an old one, as FAPI 2.0 demands, Mallory would need the fintech's key."""
    clock = MovableClock()
    with lab.fresh("oauth-2.1", clock=clock) as world:
        client = world.client(signed_requests=True, pushed_requests=False)
        link = client.begin(authorization_details=[TO_MALLORY], resources=[world.payments]).url
        _tell(story)
        lab.alice_opens(link, world)
        clock.advance(MONTH)
        _tell_the_second_time(story)
        assert "code=" in lab.alice_opens(link, world)
        return LOOT


def _tell(story: Story) -> None:
    story.step(FINTECH, ALICE, "302 to the bank, with a signed request", "She pays Mallory's shop.")
    story.step(ALICE, BANK, "GET /authorize, approve", "It is what she wants.")


def _tell_the_second_time(story: Story) -> None:
    story.step(MALLORY, ALICE, "the same link, a month later", "His extension saw it in her browser.")
    story.step(ALICE, BANK, "GET /authorize, approve", "She takes it for the payment that she knows.")


ATTACK = Attack(
    id="N15.3",
    title="a signed request used again",
    loot=LOOT,
    countermeasures=("C21",),
    rule="Expired",
    clause="RFC 7519 4.1.4",
    defence="fapikit.jose.claims.check_times",
    undefended=undefended,
    defended=defended,
)
