"""Mallory uses what he has seen of a call to an API: the access token, or the token together with its proof.

He sees them in the log of a gateway, or he runs a part of the API himself. A token may be bound to a key of the
client, and then each call has a proof that was signed with that key. A naive API looks at the token alone. So a stolen
token is good, a proof that was used before is good, and so is a proof that was made for another page of the API, for
another method or with another token.

The API stops each of these. A proof must be signed with the key that the token names. It is remembered, and good only
once. It names the method and the URL that it was made for and has the hash of the token, and is good nowhere else.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import httpx

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.jwts import claims_of
from examples.attack_lab.lab import Lab
from examples.attack_lab.proofs import send_with_proof
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey
from fapikit.dpop import CheckedProof, check_proof

LOOT = "the balance of Alice's account"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS


class Call(NamedTuple):
    """What Mallory sends, and why it might be good. `path`: below `/accounts`."""

    what: str
    why: str
    path: str = ""
    method: str = "GET"


class Dropped(Exception):
    """A request that did not reach the API."""


class Gateway:
    """Mallory sees each request of the fintech. `drops`: whether he keeps it from the API."""

    seen: httpx.Request
    drops = False

    def __call__(self, request: httpx.Request) -> None:
        self.seen = request
        if self.drops:
            raise Dropped


class Everything(list[str]):
    """A list that has everything in it."""

    def __contains__(self, _item: object) -> bool:
        return True


def undefended(call: Call) -> Play:
    def play(lab: Lab, story: Story) -> str:
        bank = lab.naive_bank()
        _tell(story, call)
        headers = {"authorization": f"DPoP {bank.issue('alice')}", "dpop": "any"}
        return _read(
            story, lab.http.request(call.method, f"{bank.issuer}/accounts{call.path}", headers=headers)
        )

    return play


def without_the_key(call: Call) -> Play:
    def play(lab: Lab, story: Story) -> str:
        world = lab.under("fapi2-security")
        token = world.signed_in(resource=world.accounts).tokens.access_token_for(world.accounts)
        _tell(story, call)
        own = PrivateKey.generate("ES256")
        return _read(story, send_with_proof(lab.http, "GET", world.accounts, own, token=token.reveal()))

    return play


def with_the_proof(call: Call, *, dropped: bool = False) -> Play:
    """`dropped`: the request that Mallory sees does not reach the API, so its proof was never used."""

    def play(lab: Lab, story: Story) -> str:
        world = lab.under("fapi2-security")
        tokens, gateway = world.signed_in(resource=world.accounts).tokens, Gateway()
        hooks: dict[str, list[Any]] = {"request": [gateway]}
        with world.fintech.api(
            tokens, base_url=world.accounts, resource=world.accounts, event_hooks=hooks
        ) as api:
            api.get(world.accounts)
            gateway.drops = dropped
            with suppress(Dropped):
                api.get(world.accounts)
        _tell(story, call)
        url, headers = f"{world.accounts}{call.path}", gateway.seen.headers
        return _read(story, lab.http.request(call.method, url, headers=headers))

    return play


def with_another_token(call: Call) -> Play:
    """Two access tokens of one login have one key. The proof that Mallory has was made with the second one."""

    def play(lab: Lab, story: Story) -> str:
        world, key = lab.under("fapi2-security"), PrivateKey.generate("ES256")
        older, newer = (
            world.bank.access_token(aud=world.accounts, cnf={"jkt": key.thumbprint}) for _ in range(2)
        )
        _tell(story, call)
        return _read(story, send_with_proof(lab.http, "GET", world.accounts, key, token=older, proven=newer))

    return play


def _tell(story: Story, call: Call) -> None:
    story.step(FINTECH, API, "GET /accounts with token and proof", "Mallory sees both, and not the key.")
    story.step(MALLORY, API, call.what, call.why)


def _read(story: Story, answer: httpx.Response) -> str:
    assert accepted(answer).json()["balance"] == "18000.00"
    story.step(API, MALLORY, "the balance", "The API looks at the token alone.")
    return LOOT


def for_any_key(proofs: Sequence[str], **request: Any) -> CheckedProof:
    """The check of a proof as shipped, and yet it may be of any key."""
    return check_proof(proofs, **{**request, "bound_to": None})


def for_any_method(proofs: Sequence[str], **request: Any) -> CheckedProof:
    """The check of a proof as shipped, and yet it is for whatever method the proof names."""
    return check_proof(proofs, **{**request, "method": claims_of(proofs[0])["htm"]})


def for_any_token(proofs: Sequence[str], **request: Any) -> CheckedProof:
    """The check of a proof as shipped, and yet it is for any token."""
    return check_proof(proofs, **{**request, "ath": None})


attack = partial(Attack, loot=LOOT, countermeasures=("C6",))
THIEF = Call("GET /accounts with the token, and a proof of his own", "It is a good proof, of another key.")
KEY = attack(
    id="N5",
    title="a bound token without its key",
    undefended=undefended(THIEF),
    defended=without_the_key(THIEF),
    rule="WrongProofKey",
    clause="RFC 9449 4.3-12",
    defence="fapikit.dpop.check.check_proof",
    without=for_any_key,
)
AGAIN = Call("GET /accounts, the same request once more", "Every octet of it is as the fintech sent it.")
REPLAY = attack(
    id="N5.2",
    title="a DPoP proof used twice",
    undefended=undefended(AGAIN),
    defended=with_the_proof(AGAIN),
    rule="ReplayedProof",
    clause="RFC 9449 11.1",
    defence="fapikit.dpop.check.replay_mark",
    without=lambda *_, **__: (f"dpop:{secrets.token_hex()}", 60.0),
)
ELSEWHERE = Call("GET /accounts/history with that proof", "It was made for GET /accounts.", "/history")
OTHER_URL = attack(
    id="N5.3",
    title="a DPoP proof for another URL",
    undefended=undefended(ELSEWHERE),
    defended=with_the_proof(ELSEWHERE, dropped=True),
    rule="WrongUrl",
    clause="RFC 9449 4.3-9",
    defence="rskit.possession.confirmation.PossessionRules.urls",
    without=lambda *_: Everything(),
)
OTHERWISE = Call("POST /accounts with that proof", "It was made for GET /accounts.", method="POST")
OTHER_METHOD = attack(
    id="N5.5",
    title="a DPoP proof for another method",
    undefended=undefended(OTHERWISE),
    defended=with_the_proof(OTHERWISE, dropped=True),
    rule="WrongMethod",
    clause="RFC 9449 4.3-8",
    defence="fapikit.dpop.check.check_proof",
    without=for_any_method,
)
OLDER = Call("GET /accounts with an older token and that proof", "Both tokens are bound to one key.")
OTHER_TOKEN = attack(
    id="N5.6",
    title="a DPoP proof with another token",
    undefended=undefended(OLDER),
    defended=with_another_token(OLDER),
    rule="WrongTokenHash",
    clause="RFC 9449 4.3-12",
    defence="fapikit.dpop.check.check_proof",
    without=for_any_token,
)
