"""Mallory finds an access token in an old log, and it still works.

The log is a month old. A naive bank issues tokens without an end, because an end would be a nuisance for clients.

The API stops this. The bank issues tokens that last minutes, and the API refuses a token whose end has come.
"""

from __future__ import annotations

from askit.pytest_plugin.movable_clock import MovableClock
from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
MONTH = 30 * 24 * 3600.0


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    token = bank.issue("alice")
    return _read(lab, story, token, f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    """A bearer token: only its end protects it. Under FAPI 2.0 Mallory would need a key too."""
    clock = MovableClock()
    with lab.fresh("oauth-2.1", clock=clock) as world:
        login = world.signed_in(world.app(), scope="accounts", resource=world.accounts)
        token = login.tokens.access_token_for(world.accounts).reveal()
        clock.advance(MONTH)
        return _read(lab, story, token, world.accounts)


def _read(lab: Lab, story: Story, token: str, accounts: str) -> str:
    fintech, mallory, api = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS
    story.step(
        fintech, mallory, "a log of last month, with a token of Alice's", "It was in a support ticket."
    )
    story.step(mallory, api, "GET /accounts with that token", "The bank's signature on it is still right.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    story.step(api, mallory, "the balance", "The token has no end.")
    return LOOT


ATTACK = Attack(
    id="common.3",
    title="an access token out of an old log",
    loot=LOOT,
    countermeasures=("C3",),
    rule="Expired",
    clause="RFC 9068 4-6",
    defence="fapikit.jose.claims.check_times",
    undefended=undefended,
    defended=defended,
)
