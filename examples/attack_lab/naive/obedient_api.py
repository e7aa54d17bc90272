"""An API that does what the header of a JWT says: how it is signed, and where the key is."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from examples.attack_lab.jwts import claims_of, header_of, is_signed_with
from examples.attack_lab.lab import Lab
from fapikit import base64url
from fapikit.jose.public_key import import_public_jwk
from rskit.issuers.trusted_issuer import KnownHeader

ZEROS = base64url.encode(bytes(64))
Foreign = Callable[[str], bool]
"""Whether a token has a signature of the key, or of the certificate, that lies at a URL."""


class ObedientApi:
    """It verifies as the header says. `published`: the public key of the bank, as it was published."""

    def __init__(self, lab: Lab, published: str) -> None:
        self._tls = lab.tls
        self._published = published

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = Request(scope).headers["authorization"].split()[1]
            good = (
                obeys(token, self._published, await self._fetched(token))
                and claims_of(token)["sub"] == "alice"
            )
            await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)

    async def _fetched(self, token: str) -> Foreign | None:
        header = header_of(token)
        url = header.get("jku") or header.get("x5u")
        if url is None:
            return None
        async with httpx.AsyncClient(verify=self._tls, trust_env=False) as http:
            found = (await http.get(url)).content
        return of_key_set(found) if "jku" in header else of_certificate(found)


def obeys(token: str, published: str, foreign: Foreign | None) -> bool:
    """Whether the token is good by what its header says."""
    header, (signing_input, _, signature) = header_of(token), token.rpartition(".")
    match header["alg"]:
        case "none":
            return True
        case "HS256":
            secret = "" if header["kid"].endswith("/dev/null") else published
            return hmac.compare_digest(_mac(signing_input, secret), signature)
    if foreign is not None:
        return foreign(token)
    if "jwk" in header:
        return is_signed_with(import_public_jwk(header["jwk"]), token)
    return signature == ZEROS or is_signed_with(import_public_jwk(json.loads(published)), token)


def of_key_set(found: bytes) -> Foreign:
    keys = [import_public_jwk(key) for key in json.loads(found)["keys"]]
    return lambda token: any(is_signed_with(key, token) for key in keys)


def of_certificate(pem: bytes) -> Foreign:
    public: Any = x509.load_pem_x509_certificate(pem).public_key()

    def has_signed(token: str) -> bool:
        signing_input, _, signature = token.rpartition(".")
        octets = base64url.decode(signature)
        r, s = (int.from_bytes(half) for half in (octets[:32], octets[32:]))
        try:
            public.verify(encode_dss_signature(r, s), signing_input.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return has_signed


class Obedience:
    """What the mutation check puts in the place of the defence: it does what the header says.

    It cannot call Mallory's site, because that is served in its own thread. So a forger leaves here what lies there.
    """

    published = ""
    foreign: Foreign | None = None

    def __call__(self, token: str, _trusted: Any, keys: Any) -> KnownHeader:
        return KnownHeader(lambda *_: obeys(token, self.published, self.foreign), keys)


OBEDIENCE = Obedience()


def _mac(signing_input: str, secret: str) -> str:
    return base64url.encode(hmac.digest(secret.encode(), signing_input.encode(), hashlib.sha256))
