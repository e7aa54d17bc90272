"""Mallory signs in as Alice, with a signed authorization response of hers in the place of an ID token.

Mallory runs the gateway in front of a bank that signs its authorization responses (JARM). Such a response comes by the
browser. One of Alice's was left in a log, and it is too late for its code. It is still signed by the bank, for the
fintech, and this bank writes `sub` into it. Mallory signs in from a device without a browser, approves as himself, and
puts that response into the token response, as the ID token. A naive client verifies the signature and reads `sub`.

The fintech stops this. A signed response has the claim `code`, and no ID token may have it. JARM gives the response no
type, so its claims alone tell what it is.
"""

from __future__ import annotations

import time

from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks.n08_2_logout_token import (
    LOOT,
    BankBehindMallory,
    forbidding_nothing,
    signing_in,
)
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.story import Party, Story

ALICE, FINTECH, MALLORY = Party.ALICE, Party.FINTECH, Party.MALLORY


class BankWithSignedResponses(BankBehindMallory):
    """Its token response has a signed authorization response that Mallory has put into it."""

    def other_jwt(self) -> str:
        return self.sign(APP, code="a-spent-code", state="1", iat=int(time.time()), sub="alice")


def _tell(story: Story) -> None:
    story.step(ALICE, FINTECH, "GET /callback?response=...", "The signed response is in the log.")
    story.step(ALICE, MALLORY, "that log", "The code in it is spent. The signature is good.")
    story.step(MALLORY, FINTECH, "sign in on my device", "He approves as himself.")
    story.step(MALLORY, FINTECH, "the token response, with that response in it", "The bank has signed it.")


UNDEFENDED, DEFENDED = signing_in(BankWithSignedResponses, _tell)
ATTACK = Attack(
    id="N8.3",
    title="an authorization response used as an ID token",
    loot=LOOT,
    countermeasures=(),
    rule="ForbiddenClaim",
    clause="RFC 8725 3.12",
    defence="fapikit.jose.claims.check_claims",
    without=forbidding_nothing,
    undefended=UNDEFENDED,
    defended=DEFENDED,
)
