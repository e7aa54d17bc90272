"""JSON, base64 and `cryptography`: what the small API reads tokens and proofs with."""

from __future__ import annotations

import hashlib
import json
import math
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

P256 = ec.SECP256R1()


class Refused(Exception):
    def __init__(self, status: int = 401, why: str = "") -> None:
        self.status, self.why = status, why


def unb64(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Refused(why="base64url")
    try:
        octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Refused(why="base64url") from error
    if b64(octets) != text:
        raise Refused(why="base64url is not canonical")
    return octets


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def read_json(octets: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("a member that comes twice")
        return members

    def never(word: str) -> None:
        raise ValueError(word)

    try:
        members = json.loads(octets, object_pairs_hook=once, parse_constant=never)
    except ValueError as error:
        raise Refused(why="JSON") from error
    if not isinstance(members, dict):
        raise Refused(why="JSON")
    return members


def sha256(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


def thumbprint(jwk: Mapping[str, Any]) -> str:
    names = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("e", "kty", "n")
    return sha256(json.dumps({name: jwk[name] for name in names}, separators=(",", ":")))


def public_of(jwk: Mapping[str, Any]) -> Any:
    try:
        if jwk["kty"] == "RSA":
            return rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
        return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), P256).public_key()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(why="jwk") from error


def _number(text: str) -> int:
    return int.from_bytes(unb64(text), "big")


def holds(key: Any, signature: bytes, signed: bytes) -> bool:
    """ES256 or PS256, by the key."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
            return True
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def number(claims: Mapping[str, Any], name: str, *, required: bool = True) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims and not required:
        return None
    if type(value) not in (int, float) or not -(10**15) < value < 10**15 or not math.isfinite(value):
        raise Refused(why=name)
    return float(value)


def der_of(text: str) -> bytes:
    """The DER inside of a PEM, or of bare base64."""
    return b64decode("".join(line for line in text.splitlines() if "-----" not in line))


def origin_of(url: object) -> tuple[str, str]:
    """Origin and path."""
    parts = urlsplit(url if isinstance(url, str) else "")
    return f"{parts.scheme}://{parts.netloc}", parts.path


def pem_of(jwk: Mapping[str, Any]) -> bytes:
    octets: bytes = public_of(jwk).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return octets
