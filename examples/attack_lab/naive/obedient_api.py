"""An API that does what the header of a JWT says: how it is signed, and where the key is."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

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
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import PublicKey, import_public_jwk
from rskit.issuers.trusted_issuer import KnownHeader, TrustedIssuer
from rskit.tokens.jwt import _select as selected

ZEROS: Final = base64url.encode(bytes(64))
Foreign: TypeAlias = Callable[[str], bool]
"""Whether a token has a signature of the key, or of the certificate, that lies at a URL."""
Way: TypeAlias = Callable[[str, PublicKey], bool | None]
"""Takes a token and the key of the bank. Returns whether the token is good if one does what its header says; None if
its header does not say so."""

LYING_AT: Final[dict[str, Foreign]] = {}
"""What was found at each URL of a header."""


def not_signed(token: str, _key: PublicKey) -> bool | None:
    return True if header_of(token)["alg"] == "none" else None


def key_as_secret(token: str, key: PublicKey) -> bool | None:
    header = header_of(token)
    if header["alg"] != "HS256" or header["kid"] != key.kid:
        return None
    return _has_mac(token, as_text(key))


def file_as_secret(token: str, _key: PublicKey) -> bool | None:
    """The file is the one that is always empty."""
    header = header_of(token)
    if header["alg"] != "HS256" or not header["kid"].endswith("/dev/null"):
        return None
    return _has_mac(token, "")


def key_inside(token: str, _key: PublicKey) -> bool | None:
    found = header_of(token).get("jwk")
    return None if found is None else is_signed_with(import_public_jwk(found), token)


def key_elsewhere(token: str, _key: PublicKey) -> bool | None:
    url = _url_in(token)
    return None if url is None else LYING_AT[url](token)


def zeros(token: str, _key: PublicKey) -> bool | None:
    return True if token.endswith(f".{ZEROS}") else None


WAYS: Final = (not_signed, key_as_secret, file_as_secret, key_inside, key_elsewhere, zeros)


class ObedientApi:
    """It verifies as the header says. `key`: that of the bank."""

    def __init__(self, lab: Lab, key: PublicKey) -> None:
        self._tls = lab.tls
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = Request(scope).headers["authorization"].split()[1]
            await self._fetch(token)
            good = self._obeys(token) and claims_of(token)["sub"] == "alice"
            await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)

    def _obeys(self, token: str) -> bool:
        for way in WAYS:
            good = way(token, self._key)
            if good is not None:
                return good
        return is_signed_with(self._key, token)

    async def _fetch(self, token: str) -> None:
        url = _url_in(token)
        if url is not None:
            async with httpx.AsyncClient(verify=self._tls, trust_env=False) as http:
                found = (await http.get(url)).content
            LYING_AT[url] = of_key_set(found) if "jku" in header_of(token) else of_certificate(found)


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


def obeying(way: Way) -> Callable[[str, TrustedIssuer, KeySet], KnownHeader | None]:
    """What the mutation check puts in the place of the defence: as shipped, and yet it obeys the header in one way.

    It cannot call Mallory's site, because that is served in its own thread. So a forger leaves in `LYING_AT` what lies
    there.
    """

    def select(token: str, trusted: TrustedIssuer, keys: KeySet) -> KnownHeader | None:
        good = way(token, keys.keys[0])
        return selected(token, trusted, keys) if good is None else KnownHeader(lambda *_: good, keys)

    return select


def as_text(key: PublicKey) -> str:
    """The key as whoever has read the bank's key set may write it."""
    return json.dumps(dict(key.jwk))


def _url_in(token: str) -> str | None:
    header = header_of(token)
    return header.get("jku") or header.get("x5u")


def _has_mac(token: str, secret: str) -> bool:
    signing_input, _, signature = token.rpartition(".")
    mac = hmac.digest(secret.encode(), signing_input.encode(), hashlib.sha256)
    return hmac.compare_digest(base64url.encode(mac), signature)
