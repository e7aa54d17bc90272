"""A public key in all encodings in which a verifier may hold it, and may so use it as an HMAC secret.

Spec: RFC 8725 2.1, 3.1 (CVE-2022-29217, CVE-2024-33663)
Role: RS
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rskit.testing.attacks.jws import SigningKey, decode


def _spki(key: SigningKey, encoding: Encoding = Encoding.PEM) -> bytes:
    octets: bytes = key.public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return octets


def _pkcs1(encoding: Encoding) -> Callable[[SigningKey], bytes | None]:
    def spell(key: SigningKey) -> bytes | None:
        return key.public.public_bytes(encoding, PublicFormat.PKCS1) if key.kty == "RSA" else None

    return spell


def _numbers(key: SigningKey) -> list[str]:
    return [key.jwk[name] for name in ("n", "x", "y") if name in key.jwk]


def _jwk(*, named: bool, spaced: bool, ordered: bool) -> Callable[[SigningKey], bytes]:
    def spell(key: SigningKey) -> bytes:
        jwk = key.named_jwk if named else key.jwk
        return _json(jwk, spaced=spaced, ordered=ordered)

    return spell


def _json(members: Mapping[str, Any], *, spaced: bool, ordered: bool = False) -> bytes:
    separators = None if spaced else (",", ":")
    return json.dumps(members, separators=separators, sort_keys=ordered).encode()


def _point(key: SigningKey) -> bytes | None:
    return b"\x04" + b"".join(map(decode, _numbers(key))) if key.kty == "EC" else None


SPELLINGS: Final[tuple[tuple[str, Callable[[SigningKey], bytes | None]], ...]] = (
    ("PEM", _spki),
    ("PEM without the newline at its end", lambda key: _spki(key).rstrip()),
    ("PEM with CRLF", lambda key: _spki(key).replace(b"\n", b"\r\n")),
    ("PEM in one line, newlines escaped", lambda key: _spki(key).rstrip().replace(b"\n", b"\\n")),
    ("PEM without newlines", lambda key: _spki(key).replace(b"\n", b"")),
    ("the base64 inside of PEM", lambda key: b"".join(_spki(key).splitlines()[1:-1])),
    ("DER", lambda key: _spki(key, Encoding.DER)),
    ("PKCS#1 PEM", _pkcs1(Encoding.PEM)),
    ("PKCS#1 DER", _pkcs1(Encoding.DER)),
    ("OpenSSH", lambda key: key.public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)),
    ("JWK", _jwk(named=False, spaced=True, ordered=False)),
    ("JWK without spaces", _jwk(named=False, spaced=False, ordered=False)),
    ("JWK in order", _jwk(named=False, spaced=True, ordered=True)),
    ("JWK in order, without spaces", _jwk(named=False, spaced=False, ordered=True)),
    ("JWK with kid, alg and use", _jwk(named=True, spaced=True, ordered=False)),
    ("JWK with kid, alg and use, without spaces", _jwk(named=True, spaced=False, ordered=False)),
    ("JWK with kid, alg and use, in order", _jwk(named=True, spaced=True, ordered=True)),
    ("JWK with kid, alg and use, in order, without spaces", _jwk(named=True, spaced=False, ordered=True)),
    ("JWK Set", lambda key: _json({"keys": [key.named_jwk]}, spaced=True)),
    ("JWK Set without spaces", lambda key: _json({"keys": [key.named_jwk]}, spaced=False)),
    ("the first number of the JWK", lambda key: _numbers(key)[0].encode()),
    ("the octets of that number", lambda key: decode(_numbers(key)[0])),
    ("the point", _point),
    ("the point without its first octet", lambda key: (_point(key) or b"")[1:] or None),
    ("the kid", lambda key: key.kid.encode()),
    ("the thumbprint", lambda key: key.thumbprint.encode()),
)
"""Name, and the octets; None if the key has no such encoding."""
