"""Mallory opens the URL once more with which Alice came back from her bank, and is signed in as Alice.

Alice has used the computer at the library. The URL of her return is in the history of the browser, with code and
state. A naive fintech asks whether it has made this state, and it has. A naive bank takes the code once more.

The fintech stops this. A state belongs to one login in one browser. The first response to it is the last: the login is
marked as used, in a store that all processes share.
"""

from __future__ import annotations

from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "a session of his own for Alice's accounts"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    callback = lab.alice_opens(client.begin())
    _tell_the_login(story)
    client.complete(callback)
    before = client.access_token
    _tell_the_replay(story)
    client.complete(callback)
    assert client.access_token != before
    assert bank.tokens[client.access_token]["owner"] == "alice"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    """The toolkit's client at the naive bank, which takes a code as often as it comes."""
    bank = lab.naive_bank()
    client = lab.app_at(bank)
    start = client.begin(scope="accounts")
    callback = lab.alice_opens(start.url)
    _tell_the_login(story)
    client.complete(callback, start.transaction)
    _tell_the_replay(story)
    tokens = client.complete(callback, start.transaction).tokens
    assert bank.tokens[tokens.access_tokens[0].value.reveal()]["owner"] == "alice"
    return LOOT


def _tell_the_login(story: Story) -> None:
    story.step(ALICE, FINTECH, "connect my bank", "The browser at the library keeps a cookie for this login.")
    story.step(BANK, ALICE, "302 to the fintech, with code and state", "This URL stays in the history.")
    story.step(ALICE, FINTECH, "GET /callback?code=...&state=...", "She is signed in, and leaves later.")


def _tell_the_replay(story: Story) -> None:
    story.step(
        MALLORY, FINTECH, "the same URL, in the same browser", "State and cookie are those of a real login."
    )


ATTACK = Attack(
    id="T9",
    title="the same state a second time",
    loot=LOOT,
    countermeasures=("C20",),
    rule="TransactionUsed",
    clause="RFC 9700 4.2.4",
    defence="rpkit.login.transaction.use_once",
    undefended=undefended,
    defended=defended,
)
