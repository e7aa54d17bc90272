"""JWTs as an attacker sees and makes them: read without a key, and signed with any key, header and claims.

They are written by what `rskit.attacks` writes its own with. The toolkit's own JWTs would refuse to make most of what
an attack needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fapikit import PrivateKey, base64url
from fapikit.jose.public_key import PublicKey
from rskit.testing.attacks import jws


def header_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jws.decode(token.split(".", maxsplit=1)[0]))
    return found


def claims_of(token: str) -> dict[str, Any]:
    return jws.payload_of(token)


def is_signed_with(key: PublicKey, token: str) -> bool:
    """Whether the signature is one of this key, by ES256. Nothing else is looked at."""
    signing_input, _, signature = token.rpartition(".")
    return key.verifier("ES256")(base64url.decode(signature), signing_input.encode())


def signed(claims: Mapping[str, Any], key: PrivateKey, **header: Any) -> str:
    """A JWT with a valid signature of this key. `header`: further members; None removes one."""
    members = {"alg": key.alg, "kid": key.kid, **header}
    kept = {name: value for name, value in members.items() if value is not None}
    return jws.compact(kept, claims, key.sign)


def with_mac(claims: Mapping[str, Any], secret: str, **header: Any) -> str:
    """A JWT with `alg: HS256` and a MAC of this secret."""
    return jws.compact({"alg": "HS256", **header}, claims, jws.keyed(secret.encode()))


def unsigned(claims: Mapping[str, Any], **header: Any) -> str:
    """A JWT with `alg: none` and an empty signature."""
    return jws.compact({"alg": "none", **header}, claims, jws.nothing)


def altered(token: str, **changes: Any) -> str:
    """The same JWT with other claims. Header and signature stay as they are."""
    head, _, signature = token.split(".")
    return f"{head}.{jws.segment(claims_of(token) | changes)}.{signature}"


def joined(*parts: Mapping[str, Any]) -> str:
    return ".".join(map(jws.segment, parts))
