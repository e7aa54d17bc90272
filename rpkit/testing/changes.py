"""Changes of honest messages: one member, one signature, one header. A message that lacks the member stays as it is.

Spec: RFC 7515 5.1; RFC 8725 3.1
Role: C
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fapikit import base64url, strict_json
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.public_key import import_public_jwk
from rpkit.testing.lie import Change, Honest

Members = Mapping[str, Any]


def longer(name: str) -> Change:
    """The right value with one character more, so that comparing prefixes is not enough."""
    return lambda message, _: {**message, name: f"{message[name]}1"} if name in message else message


def without(name: str) -> Change:
    return lambda message, _: {key: value for key, value in message.items() if key != name}


def with_(**members: Any) -> Change:
    return lambda message, _: {**message, **members}


def moved(seconds: int, *names: str) -> Change:
    """Times that lie so many seconds later."""
    return lambda message, _: {
        **message,
        **{name: message[name] + seconds for name in names if name in message},
    }


def member(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda message, _: {**message, name: change(message[name])} if name in message else message


# Signed JWTs.


def header_of(jwt: str) -> dict[str, Any]:
    return strict_json.parse_object(base64url.decode(jwt.split(".", maxsplit=1)[0]))


def signed(header: Members, payload: str, sign: Callable[[bytes], bytes]) -> str:
    """`payload`: the claims as the JWT has them, in base64url."""
    signing_input = f"{base64url.encode(strict_json.dump(header))}.{payload}"
    return f"{signing_input}.{base64url.encode(sign(signing_input.encode()))}"


def unsigned(jwt: str, _: Honest) -> str:
    return signed({**header_of(jwt), "alg": "none"}, jwt.split(".")[1], lambda _: b"")


def broken(jwt: str, _: Honest) -> str:
    """Every octet of the signature is inverted."""
    return _with_signature(jwt, lambda octets: bytes(octet ^ 0xFF for octet in octets))


def zeros(jwt: str, _: Honest) -> str:
    """The signature that CVE-2022-21449 took for right: r and s are 0."""
    return _with_signature(jwt, lambda octets: bytes(len(octets)))


def other_claims(jwt: str, _: Honest) -> str:
    """Claims about another user, under the signature of the honest ones."""
    header, payload, signature = jwt.split(".")
    claims = {**strict_json.parse_object(base64url.decode(payload)), "sub": "mallory"}
    return f"{header}.{base64url.encode(strict_json.dump(claims))}.{signature}"


def _with_signature(jwt: str, change: Callable[[bytes], bytes]) -> str:
    head, _, signature = jwt.rpartition(".")
    return f"{head}.{base64url.encode(change(base64url.decode(signature)))}"


@cache
def attackers_key(alg: str) -> PrivateKey:
    return PrivateKey.generate(alg, kid="attacker")


def under_the_banks_kid(jwt: str, _: Honest) -> str:
    """Signed by the attacker's key, which calls itself by the name of the bank's key."""
    header = header_of(jwt)
    return signed(header, jwt.split(".")[1], attackers_key(header["alg"]).sign)


def with_its_own_key(jwt: str, _: Honest) -> str:
    """Signed by the attacker's key, which comes in the header."""
    header = header_of(jwt)
    key = attackers_key(header["alg"])
    own = {**header, "kid": key.kid, "jwk": dict(key.public_jwk)}
    return signed(own, jwt.split(".")[1], key.sign)


def with_the_public_key_as_secret(jwt: str, honest: Honest) -> str:
    """HS256, with the text of the bank's public key as the secret (RFC 8725 2.1).

    A client that has never fetched the keys cannot know that secret. It gets a token with an empty one.
    """
    header, secret = header_of(jwt), b""
    for jwk in honest.messages.get("jwks", {"keys": ()})["keys"]:
        if jwk.get("kid") == header.get("kid"):
            public = import_public_jwk(jwk).material
            secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    sign = lambda octets: hmac.digest(secret, octets, hashlib.sha256)  # noqa: E731
    return signed({**header, "alg": "HS256"}, jwt.split(".")[1], sign)


def with_rs256(jwt: str, _: Honest) -> str:
    """Signed by the attacker's key, with an algorithm that FAPI does not allow."""
    return signed({**header_of(jwt), "alg": "RS256"}, jwt.split(".")[1], attackers_key("RS256").sign)
