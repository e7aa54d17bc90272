"""Mallory uses a call of the fintech again, at the other process of the API.

An API that is used much runs in two processes, behind one address, and each call goes to one of them. Mallory runs a
part of the gateway. He sees a call of the fintech, with its token and its proof, and sends the same once more. A naive
API remembers in each process which proofs it has seen. The call went to the one process, and Mallory's goes to the
other, which has never seen it.

The API stops this. Its processes share a store, and a proof is marked there as used. Here this is the last rule,
because the profile is one that demands no nonces in proofs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import asgi_mw
from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import claims_of
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit import HttpSettings, PrivateKey
from fapikit.dpop import make_proof
from fapikit.flow import run_pure
from fapikit.stores import SqliteStore
from rskit import Issuer, ResourceServer

LOOT = "the answer of the API to a call of the fintech, once more"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS
RESOURCE = "https://api.bank.test/"
"""The address of both processes."""
PROFILE = "oauth-2.1"


def remembering() -> ASGIApp:
    """The naive API: it remembers proofs in its own memory."""
    seen: set[str] = set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            jti = claims_of(Request(scope).headers["dpop"])["jti"]
            new = jti not in seen
            seen.add(jti)
            await PlainTextResponse("welcome" if new else "no", 200 if new else 401)(scope, receive, send)

    return app


def protected(issuer: str, ca: str, store: str) -> ASGIApp:
    """The API as shipped, for the second process."""
    server = ResourceServer(
        resource=RESOURCE,
        issuers=[Issuer(issuer)],
        profile=PROFILE,
        store=SqliteStore(store),
        http=HttpSettings(ca=ca),
    )
    return asgi_mw.Protect(PlainTextResponse("welcome"), server)


def undefended(lab: Lab, story: Story) -> str:
    return _replay(lab, story, lab.serve_elsewhere(remembering), lab.serve(remembering()))


def defended(lab: Lab, story: Story) -> str:
    bank = lab.under(PROFILE).bank
    store = str(bank.client_ca.parent / f"marks-{secrets.token_hex(4)}.sqlite")
    one = lab.serve_elsewhere(protected, issuer=bank.issuer, ca=str(lab.ca), store=store)
    own: dict[str, Any] = {"resource": RESOURCE, "profile": PROFILE, "store": SqliteStore(store)}
    return _replay(lab, story, one, lab.protect(PlainTextResponse("welcome"), bank.issuer, **own))


def _replay(lab: Lab, story: Story, one: str, other: str) -> str:
    headers = _signed_call(lab)
    story.step(FINTECH, API, "GET /accounts with token and proof", "It goes to one process of the API.")
    accepted(lab.http.get(f"{one}/accounts", headers=headers))
    story.step(MALLORY, API, "the same call", "It goes to the other process.")
    answer: httpx.Response = accepted(lab.http.get(f"{other}/accounts", headers=headers))
    assert answer.text == "welcome"
    story.step(API, MALLORY, "200", "That process has never seen the proof.")
    return LOOT


def _signed_call(lab: Lab) -> Mapping[str, str]:
    key = PrivateKey.generate("ES256")
    token = lab.under(PROFILE).bank.access_token(aud=RESOURCE, cnf={"jkt": key.thumbprint})
    call: dict[str, Any] = {"method": "GET", "url": f"{RESOURCE}accounts", "access_token": token}
    proof = run_pure(make_proof(key, now=time.time(), jti=secrets.token_urlsafe(16), **call))
    return {"authorization": f"DPoP {token}", "dpop": proof}


ATTACK = Attack(
    id="N5.7",
    title="a DPoP proof used at two processes",
    loot=LOOT,
    countermeasures=("C6",),
    rule="ReplayedProof",
    clause="RFC 9449 11.1",
    defence="fapikit.stores.sqlite.SqliteStore.aadd",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
