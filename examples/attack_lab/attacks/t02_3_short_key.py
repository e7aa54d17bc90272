"""Mallory computes the fintech's private key from its public one, because the key is short.

The fintech's tokens are bound to a key of its own, and each call has a proof that was signed with it. That key is an
RSA key of 1024 bits. Mallory sees one call in the log of a gateway, with the token, and with the public key in the
header of the proof. He factors its modulus, and signs proofs of his own. A naive API verifies each signature with
whatever key signed it.

To factor 1024 bits takes many computers for months. The lab has no months, so its key has a second fault: its two
primes are neighbours, and then a root is enough.

The API stops this. It reads no RSA key of less than 2048 bits, wherever it comes from, and refuses the fintech's own
calls too.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Mapping
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import claims_of, header_of
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit.jose.public_key import required_members, thumbprint_of
from rskit.testing.attacks import jws

LOOT = "the answer of an API to a token that is bound to the fintech's key"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS
EXPONENT, BITS = 65537, 1024


@cache
def short_key() -> jws.SigningKey:
    """The key of the fintech."""
    p = rsa.generate_private_key(EXPONENT, BITS).private_numbers().p
    return _with_primes(p, _next_prime(p))


def factored(modulus: int) -> jws.SigningKey:
    """The private key, from the modulus alone (Fermat): it is the difference of two squares."""
    middle = math.isqrt(modulus - 1) + 1
    while math.isqrt(middle**2 - modulus) ** 2 != middle**2 - modulus:
        middle += 1
    apart = math.isqrt(middle**2 - modulus)
    return _with_primes(middle + apart, middle - apart)


def _next_prime(number: int) -> int:
    number += 2
    while pow(2, number - 1, number) != 1 or math.gcd(number - 1, EXPONENT) != 1:
        number += 2
    return number


def _with_primes(p: int, q: int) -> jws.SigningKey:
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    parts = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *parts, rsa.RSAPublicNumbers(EXPONENT, p * q))
    pem = numbers.private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return jws.SigningKey(pem, "RS256", "")


def _proof(key: jws.SigningKey, url: str, token: str) -> str:
    header = {"typ": "dpop+jwt", "alg": key.alg, "jwk": key.jwk}
    claims = {"htm": "GET", "htu": url, "jti": secrets.token_urlsafe(16), "iat": int(time.time())}
    return jws.compact(header, {**claims, "ath": jws.sha256(token)}, key.sign)


def modulus_of(jwk: Mapping[str, str]) -> int:
    return int.from_bytes(jws.decode(jwk["n"]))


async def measuring_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The naive API: the proof is of the token's key, and its signature is right."""
    if scope["type"] == "http":
        headers = Request(scope).headers
        proof, token = headers["dpop"], headers["authorization"].split()[1]
        jwk = header_of(proof)["jwk"]
        public = rsa.RSAPublicNumbers(EXPONENT, modulus_of(jwk)).public_key()
        signing_input, _, signature = proof.rpartition(".")
        good = thumbprint_of(required_members(jwk)) == claims_of(token)["cnf"]["jkt"]
        try:
            public.verify(jws.decode(signature), signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            good = False
        await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)


def undefended(lab: Lab, story: Story) -> str:
    return _call(lab, story, lab.serve(measuring_nothing))


def defended(lab: Lab, story: Story) -> str:
    bank = lab.under("oauth-2.1").bank
    return _call(lab, story, lab.protect(PlainTextResponse("welcome"), bank.issuer))


def _call(lab: Lab, story: Story, api: str) -> str:
    url, key = f"{api}/", short_key()
    token = lab.under("oauth-2.1").bank.access_token(aud=url, cnf={"jkt": key.thumbprint})
    story.step(
        FINTECH, API, "a call with token and proof", "The public key is in the proof, and Mallory sees it."
    )
    seen = header_of(_proof(key, url, token))
    mallorys = factored(modulus_of(seen["jwk"]))
    story.step(MALLORY, API, "a call with that token and a proof of his own", "He has the private key now.")
    headers = {"authorization": f"DPoP {token}", "dpop": _proof(mallorys, url, token)}
    assert accepted(lab.http.get(url, headers=headers)).text == "welcome"
    story.step(API, MALLORY, "200", "The proof is signed with the key that the token is bound to.")
    return LOOT


ATTACK = Attack(
    id="T2.3",
    title="a key that is too short",
    loot=LOOT,
    countermeasures=("C5",),
    rule="UnusableKey",
    clause="RFC 7518 3.3",
    defence="fapikit.jose.rsa_modulus.require_sound_modulus",
    undefended=undefended,
    defended=defended,
)
