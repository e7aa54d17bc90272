"""Header members that change how a JWS is read (crit, b64, zip); and JWEs, which anybody can make.

Spec: RFC 7515 4.1.11; RFC 7797 6; RFC 8725 3.6, 3.3; RFC 9068 4-2 (CVE-2025-59420, CVE-2026-32597)
Role: RS
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.declared import Family, Row, jwt, needs_jwts, text
from rskit.testing.attacks.forger import Forger
from rskit.testing.attacks.jws import Members, compact, encode, nothing, segment


def _header(forger: Forger, **more: Any) -> dict[str, Any]:
    return {"typ": "at+jwt", "alg": forger.issuer.alg, "kid": forger.issuer.kid, **more}


def _unencoded(forger: Forger) -> str:
    """RFC 7797: the signature covers the unencoded octets, but the token contains them in base64url nevertheless."""
    header = segment(_header(forger, crit=["b64"], b64=False))
    octets = json.dumps(forger.claims()).encode()
    signature = forger.issuer.sign(header.encode() + b"." + octets)
    return f"{header}.{encode(octets)}.{encode(signature)}"


def _compressed(forger: Forger) -> str:
    packer = zlib.compressobj(wbits=-15)
    octets = packer.compress(json.dumps(forger.claims()).encode()) + packer.flush()
    return compact(_header(forger, zip="DEF"), octets, forger.issuer.sign)


EXTENSIONS: Final = Family(
    "extensions that are not understood",
    means="A token is read differently from what its signer wrote.",
    clause="RFC 7515 4.1.11",
    remedy="Refuse every token with crit, unless each extension that it names is implemented.",
    rows=(
        Row("an extension that is critical", 'a token with crit ["x"]', jwt({"crit": ["x"], "x": 1})),
        Row(
            "an extension that is critical and missing",
            'a token with crit ["x"] and no x',
            jwt({"crit": ["x"]}),
        ),
        Row(
            "a payload that is not encoded",
            "a token whose signature is over the payload as it is (b64 false, critical)",
            text(_unencoded),
            clause="RFC 7797 6",
        ),
        Row(
            "a payload that is compressed",
            'a token with zip "DEF", whose claims are compressed',
            text(_compressed),
            means="A small token may unpack to any size, and fill this API's memory.",
            clause="RFC 8725 3.6",
            remedy="Refuse tokens with zip.",
        ),
    ),
    needs=needs_jwts,
)


def _encrypted(forger: Forger, inner: bytes, **header: Any) -> str | None:
    """Encrypted for the issuer's public key, because only that one is surely known."""
    if forger.issuer.kty == "OKP":
        return None
    rsa = forger.issuer.kty == "RSA"
    key: Any = (RSAKey if rsa else ECKey).import_key(dict(forger.issuer.jwk))
    alg = "RSA-OAEP" if rsa else "ECDH-ES"
    members = {"typ": "at+jwt", "alg": alg, "enc": "A128GCM", "kid": forger.issuer.kid, **header}
    registry = jwe.JWERegistry(algorithms=[alg, "A128GCM", "DEF"])
    return str(jwe.encrypt_compact(members, inner, key, registry=registry))


def _claims_alone(forger: Forger) -> Attack | None:
    return _sent(forger, _encrypted(forger, json.dumps(forger.claims()).encode()))


def _nested(header: Members) -> Any:
    def make(forger: Forger) -> Attack | None:
        inner = forger.jwt(header, sign=nothing).encode()
        return _sent(forger, _encrypted(forger, inner, cty="JWT"))

    return make


def _sent(forger: Forger, token: str | None) -> Attack | None:
    return None if token is None else forger.attack(forger.headers(token))


def _direct(forger: Forger) -> str:
    """Has the form of a JWE with a content key of its own. The tag is made up."""
    parts = (
        segment({"alg": "dir", "enc": "A128GCM", "typ": "at+jwt"}),
        "",
        "A" * 16,
        segment(forger.claims()),
        "A" * 22,
    )
    return ".".join(parts)


ENCRYPTED: Final = Family(
    "tokens that are encrypted and not signed",
    means="Encryption needs only the public key, so anybody can make such a token for any user.",
    clause="RFC 8725 3.3",
    remedy="Decrypt a JWE only if decryption keys are configured, and accept only a signed JWT inside.",
    rows=(
        Row(
            "claims that are encrypted alone",
            "claims encrypted for the issuer's public key, unsigned",
            _claims_alone,
        ),
        Row(
            "alg none inside of a JWE",
            "a token with alg none, encrypted for the issuer's public key",
            _nested({"alg": "none"}),
        ),
        Row("a JWE of no key", "a token of five parts with alg dir and a made-up tag", text(_direct)),
    ),
    needs=needs_jwts,
)

FAMILIES: Final = (EXTENSIONS, ENCRYPTED)
