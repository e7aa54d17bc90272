"""Mallory sends an access token whose signature is right, and which the bank and the API read differently.

The bank writes into the header that an extension is critical: here, that a token is good for one call only. Mallory has
such a token of Alice's out of a log. A naive API does not know the extension, and reads on. Or Mallory has chosen a
name for himself that ends a JSON string and begins another member. The bank pastes it into the claims, which then have
`sub` twice, first his own and then Alice's. A naive API takes the last one.

The API stops both. It refuses a token with an extension that it does not know, and JSON that has a member twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import PlainTextResponse

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.jwts import claims_of, header_of, joined
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.api import believing
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey, base64url
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import check_header
from rskit import Issuer

LOOT = "the answer of the API to Alice"
BANK, MALLORY, API = Party.BANK, Party.MALLORY, Party.ACCOUNTS
BANKS_KEY = PrivateKey.generate("ES256")
"""The key of a bank that pastes claims together, as the API knows it."""

Write = Callable[[dict[str, Any]], str]
"""Takes the token's header and claims as the toolkit's bank writes them. Returns what this bank signs instead."""


def critical(parts: dict[str, Any]) -> str:
    return joined({**parts["header"], "crit": ["one-call"], "one-call": True}, parts["claims"])


def twice(parts: dict[str, Any]) -> str:
    claims = json.dumps({**parts["claims"], "sub": "NAME"}).replace("NAME", 'mallory", "sub": "alice')
    return f"{joined(parts['header'])}.{base64url.encode(claims.encode())}"


def reading_on(header: Mapping[str, Any], *arguments: Any) -> tuple[str, str | None]:
    """What the mutation check puts in the place of the defence: as shipped, and yet nothing is critical."""
    return check_header({name: value for name, value in header.items() if name != "crit"}, *arguments)


def _play(write: Write, what: str, why: str, *, protected: bool) -> Play:
    def play(lab: Lab, story: Story) -> str:
        bank = lab.under("oauth-2.1").bank
        if protected:
            issuer = Issuer(bank.issuer, keys=KeySet.from_jwks({"keys": [dict(BANKS_KEY.public_jwk)]}))
            api = lab.protect(PlainTextResponse("welcome"), bank.issuer, issuers=[issuer])
        else:
            api = lab.serve(believing(bank.issuer))
        plain = bank.access_token(aud=f"{api}/")
        header = {**header_of(plain), "alg": BANKS_KEY.alg, "kid": BANKS_KEY.kid}
        signing_input = write({"header": header, "claims": claims_of(plain)})
        token = f"{signing_input}.{base64url.encode(BANKS_KEY.sign(signing_input.encode()))}"
        story.step(BANK, MALLORY, what, why)
        story.step(MALLORY, API, "a call with that token", "The signature is the bank's.")
        answer = accepted(lab.http.get(f"{api}/", headers={"authorization": f"Bearer {token}"}))
        assert answer.text == "welcome"
        story.step(API, MALLORY, "Alice's data", "The API has read what it understood.")
        return LOOT

    return play


def _attack(write: Write, what: str, why: str, **data: Any) -> Attack:
    return Attack(
        loot=LOOT,
        countermeasures=(),
        undefended=_play(write, what, why, protected=False),
        defended=_play(write, what, why, protected=True),
        **data,
    )


CRITICAL = _attack(
    critical,
    "a token of Alice's, in a log",
    "Its header has an extension that is critical.",
    id="N7.8",
    title="an extension that the API does not know",
    rule="UnknownCritical",
    clause="RFC 7515 4.1.11",
    defence="fapikit.jose.parse.check_header",
    without=reading_on,
)
TWICE = _attack(
    twice,
    "a token for his own account",
    "His name there has made a second `sub` out of it.",
    id="N7.9",
    title="a claim twice",
    rule="DuplicateMember",
    clause="RFC 7515 4",
    defence="fapikit.strict_json.parse_object",
    without=lambda octets, *_: json.loads(octets),
)
