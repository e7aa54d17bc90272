"""Mallory guesses the code with which Alice's television fetches its tokens.

The television asks the bank with a code of its own, until Alice has approved on her phone. Whoever asks with this code
first gets the tokens. A naive bank numbers these codes, so Mallory asks with one number after the other.

The bank stops this. The code has 256 random bits. The short code that Alice types is another one, and fetches nothing.
"""

from __future__ import annotations

from examples.attack_lab.answers import Refused, accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.numbered import GUESSES, guesses, numbered, numbers
from examples.attack_lab.story import Party, Story
from fapikit.urns import DEVICE_CODE

LOOT = "the balance of Alice's account"
ALICE, TELEVISION, BANK, MALLORY = Party.ALICE, Party.FINTECH, Party.BANK, Party.MALLORY
CLIENT_ID = "television"


class TelevisionBank(NaiveBank):
    """It numbers the codes of televisions. Here Alice has approved number 17."""

    def owner_of(self, form: dict[str, str]) -> str | None:  # type: ignore[override]
        return "alice" if form["device_code"] == numbered(17) else None


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(TelevisionBank)
    _tell(story)
    return _guess(lab, story, bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    television = {
        "client_id": CLIENT_ID,
        "client_name": "Penny Television",
        "grant_types": [DEVICE_CODE],
        "response_types": [],
        "token_endpoint_auth_method": "none",
    }
    with lab.fresh("oauth-2.1", clients=[television]) as world:
        form = {"client_id": CLIENT_ID, "scope": "accounts", "resource": world.accounts}
        shown = accepted(lab.http.post(world.metadata["device_authorization_endpoint"], data=form)).json()
        world.bank.decide_device(shown["user_code"])
        _tell(story)
        return _guess(lab, story, world.metadata["token_endpoint"], world.accounts)


def _tell(story: Story) -> None:
    story.step(TELEVISION, BANK, "a code, please", "It gets one for itself, and a short one for Alice.")
    story.step(ALICE, BANK, "type the short code, sign in, approve", "From now on there are tokens to fetch.")


def _guess(lab: Lab, story: Story, token_endpoint: str, accounts: str) -> str:
    story.step(
        MALLORY,
        BANK,
        f"POST /token with {GUESSES} codes that he made up",
        "He tries one number after another.",
    )
    for guess in guesses():
        form = {"grant_type": DEVICE_CODE, "client_id": CLIENT_ID, "device_code": guess}
        answer = lab.http.post(token_endpoint, data=form)
        if answer.is_success:
            break
    else:
        raise Refused(answer.status_code, "no guess was right")
    story.step(MALLORY, Party.ACCOUNTS, "GET /accounts", "One of them was right.")
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert accepted(lab.http.get(accounts, headers=headers)).json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T7A",
    title="guessing a device code",
    loot=LOOT,
    countermeasures=("C4",),
    rule="InvalidGrant",
    clause="RFC 8628 3.5",
    defence="fapikit.secrets.random_token",
    without=numbers(),
    undefended=undefended,
    defended=defended,
)
