"""Mallory records what the fintech and the bank say to each other, and reads it with the key of the bank.

The bank's server is old. It exchanges keys as TLS did long ago: the client encrypts a secret for the key in the
server's certificate. Mallory listens to the wire, and understands nothing. But he has that key, from a backup that was
thrown away. With it he reads what he has recorded, without a trace, and the token is in it. All that he has ever
recorded there is his.

The fintech stops this before it sends anything. It offers the cipher suites of its profile, in which the keys of a
connection follow from secrets that both sides forget. The old server has none of them, so no connection comes about.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.api import NaiveApi
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from examples.attack_lab.wire import SUITE, Recorded, read, tapped
from fapikit import HttpSettings

LOOT = "the balance of Alice's account"
ALICE, FINTECH, BANK, MALLORY, API = Party.ALICE, Party.FINTECH, Party.BANK, Party.MALLORY, Party.ACCOUNTS


class OldBank(NamedTuple):
    """`wire`: what Mallory has recorded. `key`: that of its certificate."""

    bank: NaiveBank
    ca: bytes
    key: rsa.RSAPrivateKey
    wire: list[Recorded]


def agreeing(context: ssl.SSLContext, *_: Any) -> None:
    """Whatever the server wants. It is what the mutation check puts in the place of the defence."""
    context.set_ciphers("ALL")


@contextmanager
def _old_bank(lab: Lab) -> Iterator[OldBank]:
    """Mallory listens where its clients connect."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert("localhost", key_type=trustme.KeyType.RSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITE)
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    outside = Place()
    bank = NaiveBank(outside.origin, redirect_uris=[f"{lab.fintech_site}/callback"])
    inside = urlsplit(lab.serve(NaiveApi(bank, bank.app), tls=context))
    with tapped(outside.socket, ("127.0.0.1", int(inside.port or 0))) as wire:
        yield OldBank(bank, authority.cert_pem.bytes(), key, wire)


def _http(old: OldBank) -> httpx.Client:
    """An HTTP client that agrees to whatever the bank wants."""
    context = ssl.create_default_context(cadata=old.ca.decode())
    agreeing(context)
    return httpx.Client(verify=context, trust_env=False)


def undefended(lab: Lab, story: Story) -> str:
    with _old_bank(lab) as old, _http(old) as http:
        _tell(story)
        fintech = NaiveClient(http, f"{lab.fintech_site}/callback")
        fintech.choose(old.bank.issuer)
        fintech.complete(_approved(http, fintech.begin()))
        return _listen(story, old)


def defended(lab: Lab, story: Story) -> str:
    with _old_bank(lab) as old:
        _tell(story)
        fintech = lab.app_at(old.bank, http=HttpSettings(ca=old.ca))
        start = fintech.begin(scope="accounts")
        with _http(old) as browser:
            callback = _approved(browser, start.url)
        fintech.complete(callback, start.transaction)
        return _listen(story, old)


def _approved(browser: httpx.Client, url: str) -> str:
    """Alice's browser talks to the old server too. Returns where it is sent."""
    return browser.get(url).headers["location"]


def _tell(story: Story) -> None:
    story.step(FINTECH, BANK, "GET the metadata, and more, by TLS 1.2", "Mallory records all of it.")


def _listen(story: Story, old: OldBank) -> str:
    story.step(
        BANK, FINTECH, "the access token, encrypted", "The fintech has agreed to the old key exchange."
    )
    said = b"".join(read(recorded, old.key) for recorded in old.wire).decode()
    token = re.findall(r'"access_token":"([^"]+)"', said)[-1]
    story.step(MALLORY, API, "GET /accounts with that token", "He has read it with the key of the bank.")
    with _http(old) as http:
        headers = {"authorization": f"Bearer {token}"}
        answer = accepted(http.get(f"{old.bank.issuer}/accounts", headers=headers))
    assert answer.json()["balance"] == "18000.00"
    return LOOT


ATTACK = Attack(
    id="T2.2",
    title="a recorded connection and a stolen key",
    loot=LOOT,
    countermeasures=("C5",),
    rule="Unreachable",
    clause="",
    defence="fapikit.io.tls._restrict",
    without=agreeing,
    undefended=undefended,
    defended=defended,
)
