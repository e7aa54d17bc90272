"""Mallory's bank gets the code of a signed response, because the fintech asks only whether it was signed.

The fintech wants signed responses: each as a JWT (JARM), or with an ID token beside the code (hybrid). Mallory's bank
says in its metadata that its keys are those of Alice's bank. They are public, so anybody can say that. Alice's login is
sent to Mallory's bank, and from there to her real one, as in T6. Her bank signs its response, and the signature
verifies. So the fintech believes that Mallory's bank has answered, and redeems the code there.

The fintech stops both. What is signed names the bank that signed it (`iss`), and the client compares that with the bank
that this login was sent to. Here the response has no `iss` beside what is signed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.attacks.t06_mix_up import LOOT, redeem, tell_the_way
from examples.attack_lab.jwts import claims_of, is_signed_with
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.naive.signing_bank import HybridBank, JarmBank, SigningBank
from examples.attack_lab.story import Party, Story
from fapikit.jose.public_key import import_public_jwk
from rpkit.errors import MissingIdToken

ALICE, BANK, FINTECH = Party.ALICE, Party.BANK, Party.FINTECH


class Signing(NamedTuple):
    """How a bank signs. `asked`: for the naive client's request. `options`: of the toolkit's client."""

    bank: type[SigningBank]
    scope: str
    asked: dict[str, str]
    options: dict[str, Any]
    response: str


JARM = Signing(JarmBank, "accounts", {}, {"response_mode": "jwt"}, "a signed response")
HYBRID = Signing(
    HybridBank,
    "openid accounts",
    {"response_type": "code id_token", "nonce": "a nonce"},
    {"response_type": "code id_token", "profile": "fapi1-baseline"},
    "code, state and ID token",
)


class VerifyingClient(NaiveClient):
    """It verifies each signature with the keys that the metadata name, and looks at nothing else."""

    def complete(self, callback: str) -> None:
        parts = urlsplit(callback)
        response = dict(parse_qsl(parts.query or parts.fragment))
        token = response.get("response") or response["id_token"]
        (jwk,) = self.http.get(self._endpoint("jwks_uri")).json()["keys"]
        assert is_signed_with(import_public_jwk(jwk), token)
        self.redeem(response.get("code") or claims_of(token)["code"])


def undefended(signing: Signing) -> Play:
    def play(lab: Lab, story: Story) -> str:
        honest = lab.naive_bank(signing.bank)
        hostile = lab.hostile_bank(honest.metadata, "authorization_endpoint", "token_endpoint")
        fintech = VerifyingClient(lab.http, f"{lab.fintech_site}/callback")
        fintech.choose(hostile.issuer)
        tell_the_way(story)
        callback = lab.alice_opens(fintech.begin(signing.scope, **signing.asked))
        _tell_the_return(story, signing)
        fintech.complete(callback)
        return redeem(lab, story, hostile, honest.metadata["token_endpoint"], f"{honest.issuer}/accounts")

    return play


def defended(signing: Signing) -> Play:
    def play(lab: Lab, story: Story) -> str:
        honest = lab.naive_bank(signing.bank)
        hostile = lab.hostile_bank(honest.metadata, "authorization_endpoint", "token_endpoint")
        app = lab.app_at(hostile, **signing.options)
        tell_the_way(story)
        start = app.begin(scope=signing.scope)
        callback = lab.alice_opens(start.url)
        _tell_the_return(story, signing)
        with suppress(MissingIdToken):  # in the token response of the hostile bank: it has the code by then
            app.complete(callback, start.transaction)
        return redeem(lab, story, hostile, honest.metadata["token_endpoint"], f"{honest.issuer}/accounts")

    return play


def _tell_the_return(story: Story, signing: Signing) -> None:
    story.step(BANK, ALICE, f"302 to the fintech with {signing.response}", "It is signed by the honest bank.")
    story.step(ALICE, FINTECH, "the response, by her browser", "The hostile bank has named that bank's keys.")


def _attack(signing: Signing, **data: Any) -> Attack:
    return Attack(
        loot=LOOT,
        countermeasures=("C11", "C21"),
        rule="WrongIssuer",
        defence="fapikit.jose.claims.check_issuer",
        undefended=undefended(signing),
        defended=defended(signing),
        **data,
    )


BY_JARM = _attack(JARM, id="T6.2", title="mix-up with signed responses", clause="JARM 2.4-2")
BY_HYBRID = _attack(HYBRID, id="T6.3", title="mix-up with hybrid responses", clause="OIDC 3.1.3.7-2")
