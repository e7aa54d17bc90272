"""Mallory makes Alice's browser finish a login that he has begun, so that she works in his account.

He connects his own bank account with the fintech, and stops at the last step: he keeps the URL with the code. He puts
this URL into a page as an image. Alice opens the page while she is connecting her own bank. A naive fintech takes the
code, and from then on what Alice does in her session happens in Mallory's account.

The fintech stops this. The state of the response must be that of the login which this browser has begun. Mallory's
state is another one.
"""

from __future__ import annotations

from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "his own account in Alice's session"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    bank.user = "mallory"
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    _tell_the_trap(story)
    trap = lab.alice_opens(client.begin())
    client.begin()
    _tell_the_fall(story)
    client.complete(trap)
    assert bank.tokens[client.access_token]["owner"] == "mallory"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    """The toolkit's client at the naive bank, which has no PKCE: only the state ties a response to a browser."""
    bank = lab.naive_bank()
    bank.user = "mallory"
    client = lab.app_at(bank)
    _tell_the_trap(story)
    trap = lab.alice_opens(client.begin(scope="accounts").url)
    in_alices_browser = client.begin(scope="accounts").transaction
    _tell_the_fall(story)
    tokens = client.complete(trap, in_alices_browser).tokens
    assert bank.tokens[tokens.access_tokens[0].value.reveal()]["owner"] == "mallory"
    return LOOT


def _tell_the_trap(story: Story) -> None:
    story.step(MALLORY, FINTECH, "connect my bank", "It is a login of his own.")
    story.step(
        BANK, MALLORY, "302 to the fintech, with code and state", "He keeps this URL, and does not open it."
    )


def _tell_the_fall(story: Story) -> None:
    story.step(ALICE, FINTECH, "connect my bank", "Her browser waits for her own bank.")
    story.step(ALICE, MALLORY, "GET a page with pictures", "One of the pictures is the URL that he has kept.")
    story.step(
        ALICE,
        FINTECH,
        "GET /callback with the code and the state of Mallory",
        "Her browser sends her cookie.",
    )


ATTACK = Attack(
    id="T12",
    title="a login that somebody else began (CSRF)",
    loot=LOOT,
    countermeasures=("C19", "C22"),
    rule="WrongState",
    clause="RFC 9700 2.1c",
    defence="rpkit.login.callback._check_state",
    undefended=undefended,
    defended=defended,
)
