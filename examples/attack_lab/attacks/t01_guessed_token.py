"""Mallory guesses an access token.

A naive bank numbers its tokens. Mallory has one of his own, sees its number, and tries those before it.

The bank stops this. Each token has 256 random bits, so no guess is better than another. The API asks the bank about
each token, and the bank knows none of those that Mallory makes up.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse

from examples.attack_lab.answers import Refused
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.numbered import GUESSES, guesses, numbered, numbers
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from fapikit import PrivateKeyJWT
from rskit import Introspection, Issuer

LOOT = "access to Alice's accounts"
ALICE, BANK, MALLORY, API = Party.ALICE, Party.BANK, Party.MALLORY, Party.ACCOUNTS


class NumberingBank(NaiveBank):
    def issue(self, user: str, scope: str = "accounts payments") -> str:
        token = numbered(len(self.tokens))
        self.tokens[token] = {"owner": user, "scope": scope}
        return token


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(NumberingBank)
    bank.issue("alice")
    _tell(story)
    return _guess(lab, f"{bank.issuer}/accounts")


def defended(lab: Lab, story: Story) -> str:
    place = Place()
    api = f"{place.origin}/"
    resource = {
        "uri": api,
        "scopes": ["accounts"],
        "token_format": "opaque",
        "introspection_clients": ["test-api"],
    }
    with lab.fresh("oauth-2.1", resources=[resource], authorization_details_types=[]) as world:
        asking = Introspection("test-api", PrivateKeyJWT(world.bank.api_key))
        issuers = [Issuer(world.bank.issuer, introspection=asking)]
        lab.protect(PlainTextResponse("welcome"), world.bank.issuer, place=place, issuers=issuers)
        world.signed_in(world.app(), scope="accounts", resources=[api], resource=api)
        _tell(story)
        return _guess(lab, api)


def _tell(story: Story) -> None:
    story.step(ALICE, BANK, "let the app see my accounts", "There is a token of hers now.")
    story.step(
        MALLORY,
        API,
        f"GET /accounts with {GUESSES} tokens that he made up",
        "He tries one number after another.",
    )


def _guess(lab: Lab, url: str) -> str:
    for guess in guesses():
        answer = lab.http.get(url, headers={"authorization": f"Bearer {guess}"})
        if answer.is_success:
            return LOOT
    raise Refused(answer.status_code, "no guess was right")


ATTACK = Attack(
    id="T1",
    title="guessing an access token",
    loot=LOOT,
    countermeasures=("C4",),
    rule="InactiveToken",
    clause="RFC 7662 2.2",
    defence="fapikit.secrets.random_token",
    without=numbers(),
    undefended=undefended,
    defended=defended,
)
