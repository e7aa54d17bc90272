"""Mallory has seen the request and the code, and uses the challenge of the request as the verifier.

An app on a phone has no secret. It proves by PKCE that it is the one who made the request: the request has a
challenge, and who redeems the code must know its verifier. With the method `plain` both are the same. So whoever has
seen the request in a log or in the history of the browser has the verifier as well.

The bank stops this. It takes the method S256 only: the challenge is a hash, and the hash is not the verifier.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import APP
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the balance of Alice's account"
ALICE, BANK, APP_PARTY, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


class PlainBank(NaiveBank):
    """It has PKCE, with the method `plain`."""

    def owner_of(self, form: dict[str, str]) -> str | None:  # type: ignore[override]
        asked = self.codes.get(form["code"], {})
        return asked.get("user") if asked.get("code_challenge") == form["code_verifier"] else None


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(PlainBank)
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback", client_id=APP)
    client.choose(bank.issuer)
    _tell(story)
    request = client.begin(code_challenge="as-plain-as-can-be", code_challenge_method="plain")
    callback = lab.alice_opens(request)
    return _redeem(lab, story, request, callback, bank.metadata["token_endpoint"], f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("oauth-2.1")
    _tell(story)
    request = world.app().begin(scope="accounts", resources=[world.accounts]).url
    callback = str(world.bank.browse(request))
    return _redeem(lab, story, request, callback, world.metadata["token_endpoint"], world.accounts)


def _tell(story: Story) -> None:
    story.step(APP_PARTY, ALICE, "the request, with a challenge", "It is in the history of her browser.")
    story.step(ALICE, BANK, "GET /authorize, approve", "The code comes back by the same browser.")
    story.step(
        ALICE, MALLORY, "request and code, out of the history", "An extension of the browser reads it."
    )


def _redeem(lab: Lab, story: Story, request: str, callback: str, token_endpoint: str, accounts: str) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(callback).query)["code"][0],
        "code_verifier": parse_qs(urlsplit(request).query)["code_challenge"][0],
        "redirect_uri": f"{lab.fintech_site}/callback",
        "client_id": APP,
        "resource": accounts,
    }
    story.step(MALLORY, BANK, "POST /token, the challenge as the verifier", "He has never seen the verifier.")
    token = accepted(lab.http.post(token_endpoint, data=form)).json()["access_token"]
    story.step(MALLORY, Party.ACCOUNTS, "GET /accounts", "He has an access token for Alice's account.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"})).json()
    assert answer["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="N2",
    title="the challenge as the verifier (`plain`)",
    loot=LOOT,
    countermeasures=("C15",),
    rule="InvalidGrant",
    clause="RFC 7636 4.6",
    defence="fapikit.pkce.verifier_matches",
    without=lambda verifier, challenge: verifier == challenge,
    undefended=undefended,
    defended=defended,
)
