"""Mallory sends a small token that costs the API much: memory, or the time of its processor.

The API takes encrypted tokens, and everybody may encrypt for it, since its key is public. Mallory encrypts zeros, and
compresses them first, so that some ten thousand octets become millions. Or he writes that the key comes from a
password, by two million rounds of a hash. The work is done before anything about the token is verified. A naive API
does what the header says.

The API stops both before it decrypts. Its own key decides on the algorithm, there is no password and no compression,
and a header that asks for one is refused.
"""

from __future__ import annotations

import hashlib
import time
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import httpx
from joserfc import jwe
from joserfc.jwk import ECKey
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.jwts import header_of, joined
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit import base64url
from fapikit.jose.encryption import Decryption, decrypt
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.purposes import Purpose

MEMORY, TIME = "millions of octets of the API's memory", "the time of the API's processor"
MALLORY, API = Party.MALLORY, Party.ACCOUNTS
APIS_KEY = DecryptionKey.generate("ECDH-ES")
UNPACKED, ROUNDS, SECONDS = 8_000_000, 2_000_000, 0.15


Make: TypeAlias = Callable[[], str]
Ask: TypeAlias = Callable[[], httpx.Response]
Cost: TypeAlias = Callable[[Ask], tuple[httpx.Response, bool]]
"""Asks the API. Returns its answer, and whether it has done the work."""


class Deflate:
    """Compression as a naive API has it: without a limit."""

    def compress(self, octets: bytes) -> bytes:
        return zlib.compress(octets, 9, -zlib.MAX_WBITS)

    def decompress(self, octets: bytes) -> bytes:
        return zlib.decompress(octets, -zlib.MAX_WBITS)


class Obedient(jwe.JWERegistry):
    """It decompresses if the header says so."""

    def get_zip(self, _name: str) -> Any:
        return Deflate()


REGISTRY = Obedient(algorithms=["ECDH-ES", "A128GCM"], strict_check_header=False)


def opened(token: str) -> bytes:
    """Decrypts as the header says."""
    header = header_of(token)
    if header["alg"].startswith("PBES2"):
        return derived(header)
    return jwe.decrypt_compact(token, APIS_KEY.material, registry=REGISTRY).plaintext or b""


def derived(header: Mapping[str, Any], *_: Any) -> bytes:
    """The key from a password, by as many rounds as the header says."""
    return hashlib.pbkdf2_hmac("sha256", b"a password", base64url.decode(header["p2s"]), header["p2c"])


def unpacking(token: str, purpose: Purpose, decryption: Decryption) -> bytes:
    """The decryption as shipped, and yet it decompresses if the header says so.

    Two rules refuse that: the check of the header, and the library, which is told of no compression.
    """
    return opened(token) if "zip" in header_of(token) else decrypt(token, purpose, decryption)


def opening() -> ASGIApp:
    """An API that opens each token. What is inside is never a token here, so it refuses in the end."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            opened(Request(scope).headers["authorization"].split()[1])
            await PlainTextResponse("no", 401)(scope, receive, send)

    return app


def packed() -> str:
    """Zeros, compressed and encrypted for the API."""
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "zip": "DEF", "cty": "JWT", "kid": APIS_KEY.kid}
    public = ECKey.import_key(dict(APIS_KEY.public_jwk))
    return jwe.encrypt_compact(header, bytes(UNPACKED), public, registry=REGISTRY)


def many_rounds() -> str:
    """Only the header counts: what follows it would be read after the rounds."""
    salt = base64url.encode(bytes(16))
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": salt, "p2c": ROUNDS, "kid": APIS_KEY.kid}
    return f"{joined(header)}.AAAA.AAAA.AAAA.AAAA"


def _memory(ask: Ask) -> tuple[httpx.Response, bool]:
    tracemalloc.start()
    try:
        return ask(), tracemalloc.get_traced_memory()[1] > UNPACKED
    finally:
        tracemalloc.stop()


def _time(ask: Ask) -> tuple[httpx.Response, bool]:
    before = time.process_time()
    return ask(), time.process_time() - before > SECONDS


def _play(make: Make, cost: Cost, loot: str, what: str, *, protected: bool) -> Play:
    def play(lab: Lab, story: Story) -> str:
        if protected:
            issuer = lab.under("oauth-2.1").bank.issuer
            app, decryption = PlainTextResponse("welcome"), Decryption(keys=(APIS_KEY,))
            api = lab.protect(app, issuer, decryption=decryption)
        else:
            api = lab.serve(opening())
        headers = {"authorization": f"Bearer {make()}"}
        story.step(MALLORY, API, f"a token of {what}", "It is encrypted with the public key of the API.")
        answer, spent = cost(lambda: lab.http.get(f"{api}/", headers=headers))
        if not spent:
            accepted(answer)
        assert spent
        story.step(API, MALLORY, "401", "The API has done the work before it refused.")
        return loot

    return play


def _attack(make: Make, cost: Cost, loot: str, what: str, **data: Any) -> Attack:
    return Attack(
        loot=loot,
        countermeasures=(),
        undefended=_play(make, cost, loot, what, protected=False),
        defended=_play(make, cost, loot, what, protected=True),
        **data,
    )


ZIP = _attack(
    packed,
    _memory,
    MEMORY,
    "compressed zeros",
    id="N7.10",
    title="a token that unpacks to millions of octets",
    rule="UnknownCritical",
    clause="RFC 7515 4.1.11",
    defence="fapikit.jose.encryption.decrypt",
    without=unpacking,
)
PASSWORD = _attack(
    many_rounds,
    _time,
    TIME,
    "two million rounds",
    id="N7.11",
    title="a token whose key takes millions of rounds",
    rule="ForbiddenAlgorithm",
    clause="RFC 8725 3.1",
    defence="fapikit.jose.encryption._check_header",
    without=derived,
)
