"""Mallory's app calls itself by the name of the fintech, and the bank believes it.

He publishes an app that looks like the fintech's. It opens Alice's bank in the fintech's name, and Alice reads the
name that she trusts. Whatever secret the real app has is in the app itself, for everybody who takes it apart. So a
naive bank cannot tell the two apart, and gives the tokens to Mallory's app.

How an app gets onto a phone is out of the toolkit's reach. What it does is to make the copy useless.

The bank stops this at the first message. The fintech signs in with a key that stays on its server. Who cannot sign is
not the fintech, and cannot even begin a login in its name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import FINTECH as CLIENT_ID
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.proofs import send_with_proof
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey

LOOT = "the balance of Alice's account"
ALICE, BANK, MALLORY, ACCOUNTS = Party.ALICE, Party.BANK, Party.MALLORY, Party.ACCOUNTS
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    _tell_the_start(story)
    copy = NaiveClient(lab.http, f"{lab.fintech_site}/callback", client_secret="taken out of the real app")
    copy.choose(bank.issuer)
    url = copy.begin()
    _tell_the_way(story)
    copy.complete(lab.alice_opens(url))
    headers = {"authorization": f"Bearer {copy.access_token}"}
    return _read(story, lab.http.get(f"{bank.issuer}/accounts", headers=headers))


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    bank, key = world.metadata, PrivateKey.generate("ES256")
    _tell_the_start(story)
    request = {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": world.redirect_uri,
        "scope": "accounts",
        "resource": world.accounts,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    pushed = send_with_proof(
        lab.http, "POST", bank["pushed_authorization_request_endpoint"], key, data=request
    )
    query = urlencode({"client_id": CLIENT_ID, "request_uri": accepted(pushed).json()["request_uri"]})
    _tell_the_way(story)
    callback = str(world.bank.browse(f"{bank['authorization_endpoint']}?{query}"))
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": parse_qs(urlsplit(callback).query)["code"][0],
        "code_verifier": VERIFIER,
    }
    answer = accepted(send_with_proof(lab.http, "POST", bank["token_endpoint"], key, data=form))
    token = answer.json()["access_token"]
    return _read(story, send_with_proof(lab.http, "GET", world.accounts, key, token=token))


def _tell_the_start(story: Story) -> None:
    story.step(ALICE, MALLORY, "start the app", "It has the name and the pictures of the fintech.")
    story.step(MALLORY, BANK, "a request in the fintech's name", "The real app would send the same.")


def _tell_the_way(story: Story) -> None:
    story.step(ALICE, BANK, "GET /authorize, sign in, approve", "The page shows the name of the fintech.")
    story.step(ALICE, MALLORY, "the code", "On a phone an app may claim the redirect URI of another.")
    story.step(MALLORY, BANK, "POST /token", "With the secret that is in every copy of the real app.")


def _read(story: Story, answer: Any) -> str:
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "The tokens are Mallory's.")
    assert accepted(answer).json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T8",
    title="a copy of the fintech's app",
    loot=LOOT,
    countermeasures=("C14", "C17", "C18"),
    rule="InvalidClient",
    clause="RFC 6749 2.3",
    defence="askit.client_check.authenticate.authenticate_client",
    without=lambda core, _request, parameters: core.clients.find(parameters["client_id"], current=True),
    undefended=undefended,
    defended=defended,
)
