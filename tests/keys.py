"""Keys for tests, made once, and JWTs signed by hand with `cryptography`, not by the code under test."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import cache
from math import prod
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fapikit import PrivateKey

_ES = {"ES256": (hashes.SHA256(), 32), "ES384": (hashes.SHA384(), 48), "ES512": (hashes.SHA512(), 66)}
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def a_key(alg: str = "ES256", number: int = 0) -> PrivateKey:
    """The same key for the same arguments; RSA algorithms share one per number, for its making is slow."""
    return _made(alg, number)


@cache
def _made(alg: str, number: int) -> PrivateKey:
    if alg[:2] in ("RS", "PS"):
        return PrivateKey(_rsa(number), alg=alg, kid=f"{alg}-{number}")
    return PrivateKey.generate(alg, kid=f"{alg}-{number}")


@cache
def _rsa(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def roca_modulus() -> int:
    """2048 bits of the shape that CVE-2017-15361 gives a modulus; nobody knows its factors."""
    primes = [number for number in range(2, 168) if all(number % other for other in range(2, number))]
    first = prod(primes)
    return pow(65537, 4711, first) + first * (2**2047 // first + 1)


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(jwt: str) -> dict[str, Any]:
    """Unverified."""
    members: dict[str, Any] = json.loads(unb64(jwt.split(".", maxsplit=1)[0]))
    return members


def claims_of(jwt: str) -> dict[str, Any]:
    """Unverified."""
    members: dict[str, Any] = json.loads(unb64(jwt.split(".")[1]))
    return members


def signature_of(key: PrivateKey, alg: str, octets: bytes) -> bytes:
    """What RFC 7518 3 says, computed here."""
    material = key._material
    if isinstance(material, ec.EllipticCurvePrivateKey):
        hash_, size = _ES[alg]
        r, s = decode_dss_signature(material.sign(octets, ec.ECDSA(hash_)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if isinstance(material, ed25519.Ed25519PrivateKey):
        return material.sign(octets)
    chosen = _HASHES[alg[2:]]
    if alg.startswith("PS"):
        return material.sign(octets, padding.PSS(padding.MGF1(chosen), chosen.digest_size), chosen)
    return material.sign(octets, padding.PKCS1v15(), chosen)


def hmac_of(secret: bytes, octets: bytes) -> bytes:
    return hmac.new(secret, octets, hashlib.sha256).digest()


def jws_of(header: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A compact JWS of these very octets."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    return f"{signing_input}.{b64(sign(signing_input.encode()))}"


def mint(
    claims: Mapping[str, Any] | bytes,
    key: PrivateKey | None = None,
    *,
    typ: str | None = None,
    alg: str | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """A JWT; `header` adds members, and removes those set to None."""
    key = key or a_key()
    alg = alg or key.alg
    members = {"alg": alg, "kid": key.kid, "typ": typ, **(header or {})}
    kept = {name: value for name, value in members.items() if value is not None}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws_of(json.dumps(kept).encode(), payload, lambda octets: signature_of(key, alg, octets))
