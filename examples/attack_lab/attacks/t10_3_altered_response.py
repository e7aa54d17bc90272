"""Mallory changes the bank's response while it passes through Alice's browser, and puts his own code into it.

Alice connects her bank. On its way back to the fintech the response passes an extension that Mallory has talked her
into. It keeps the state, which is right, and puts a code of Mallory's in the place of hers. From then on what Alice
does at the fintech happens in Mallory's account.

The fintech stops this. It has asked for a signed response, and verifies it with the keys that the bank publishes. What
was changed on the way does not verify.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import altered
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.naive.signing_bank import JarmBank
from examples.attack_lab.story import Party, Story

LOOT = "his own account in Alice's session"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
MALLORYS_CODE = "the-code-of-mallory"


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    bank.codes[MALLORYS_CODE] = {"user": "mallory"}
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    _tell(story)
    callback, _, query = lab.alice_opens(client.begin()).partition("?")
    response = {**dict(parse_qsl(query)), "code": MALLORYS_CODE}
    _tell_the_return(story)
    client.complete(f"{callback}?{urlencode(response)}")
    assert bank.tokens[client.access_token]["owner"] == "mallory"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    """The toolkit's client, at a bank that has no PKCE."""
    bank = lab.naive_bank(JarmBank)
    bank.codes[MALLORYS_CODE] = {"user": "mallory"}
    client = lab.app_at(bank, response_mode="jwt")
    start = client.begin(scope="accounts")
    _tell(story)
    callback, _, query = lab.alice_opens(start.url).partition("?")
    response = altered(dict(parse_qsl(query))["response"], code=MALLORYS_CODE)
    _tell_the_return(story)
    tokens = client.complete(f"{callback}?{urlencode({'response': response})}", start.transaction).tokens
    assert bank.tokens[tokens.access_tokens[0].value.reveal()]["owner"] == "mallory"
    return LOOT


def _tell(story: Story) -> None:
    story.step(ALICE, FINTECH, "connect my bank", "The fintech makes a state for this browser.")
    story.step(ALICE, BANK, "sign in, approve", "All is as it should be.")


def _tell_the_return(story: Story) -> None:
    story.step(
        BANK, ALICE, "302 to the fintech, with code and state", "The response passes through her browser."
    )
    story.step(MALLORY, ALICE, "another code in that URL", "An extension of the browser sees every URL.")
    story.step(ALICE, FINTECH, "GET /callback with Mallory's code and her state", "The state is right.")


ATTACK = Attack(
    id="T10.3",
    title="another code in the response",
    loot=LOOT,
    countermeasures=("C21",),
    rule="BadSignature",
    clause="JARM 2.4-5",
    defence="fapikit.jose.verify.check_signature",
    without=lambda jws, *_: jws.unverified_claims,
    undefended=undefended,
    defended=defended,
)
