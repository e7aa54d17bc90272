"""A shop needed access for a minute, and Mallory still has it the next day.

Alice has let the app of a shop see her balance, once. Mallory copies all that the app has kept. A naive bank gives
every client a refresh token, whether it needs one or not. So the next day he gets a new access token with it.

The bank stops this. A client that is not registered for refresh tokens gets none, and the access token has ended by
then.
"""

from __future__ import annotations

from askit.pytest_plugin.movable_clock import MovableClock
from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account, a day later"
SHOP, BANK, MALLORY, ACCOUNTS = Party.FINTECH, Party.BANK, Party.MALLORY, Party.ACCOUNTS
CLIENT_ID = "shop-app"
DAY = 86_400.0


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    app = NaiveClient(lab.http, f"{lab.fintech_site}/callback", client_id=CLIENT_ID)
    app.choose(bank.issuer)
    app.complete(lab.alice_opens(app.begin()))
    kept = {"access_token": app.access_token, "refresh_token": app.refresh_token}
    return _a_day_later(lab, story, kept, bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    clock = MovableClock()
    shop = {
        "client_id": CLIENT_ID,
        "redirect_uris": [f"{lab.fintech_site}/callback"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none",
    }
    with lab.fresh("oauth-2.1", clock=clock, clients=[shop]) as world:
        app = world.app(client_id=CLIENT_ID)
        tokens = world.signed_in(app, scope="accounts", resource=world.accounts).tokens
        kept = {"access_token": tokens.access_token_for(world.accounts).reveal()}
        if tokens.refresh_token is not None:
            kept["refresh_token"] = tokens.refresh_token.reveal()
        clock.advance(DAY)
        return _a_day_later(lab, story, kept, world.metadata["token_endpoint"], world.accounts)


def _a_day_later(lab: Lab, story: Story, kept: dict[str, str], token_endpoint: str, accounts: str) -> str:
    story.step(SHOP, MALLORY, "all that the app has kept", "A day has passed since Alice used it.")
    token = kept["access_token"]
    if "refresh_token" in kept:
        story.step(MALLORY, BANK, "POST /token with the refresh token", "The app never needed it.")
        form = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "refresh_token": kept["refresh_token"],
            "resource": accounts,
        }
        token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts with the best token that he has", "Alice thinks it is over.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T7.2",
    title="a refresh token that nobody needed",
    loot=LOOT,
    countermeasures=("C16", "C3"),
    rule="Expired",
    clause="RFC 9068 4-6",
    defence="askit.clients.client.Client.grant_types",
    without=lambda client: ("authorization_code", "refresh_token") if client.redirect_uris else (),
    undefended=undefended,
    defended=defended,
)
