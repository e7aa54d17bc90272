"""JWTs as an attacker sees and makes them: read without a key, and signed with any key, header and claims.

It shares no code with the toolkit's own JWTs, which would refuse to make most of what an attack needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fapikit import PrivateKey, base64url


def header_of(token: str) -> dict[str, Any]:
    return _object(token, 0)


def claims_of(token: str) -> dict[str, Any]:
    return _object(token, 1)


def _object(token: str, part: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64url.decode(token.split(".")[part]))
    return found


def signed(claims: Mapping[str, Any], key: PrivateKey, **header: Any) -> str:
    """A JWT with a valid signature of this key. `header`: further members; None removes one."""
    members = {"alg": key.alg, "kid": key.kid, **header}
    signing_input = joined({name: value for name, value in members.items() if value is not None}, claims)
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"


def altered(token: str, **changes: Any) -> str:
    """The same JWT with other claims. Header and signature stay as they are."""
    head, _, signature = token.split(".")
    return f"{head}.{joined(claims_of(token) | changes)}.{signature}"


def unsigned(claims: Mapping[str, Any], **header: Any) -> str:
    """A JWT with `alg: none` and an empty signature."""
    return f"{joined({'alg': 'none', **header}, claims)}."


def joined(*parts: Mapping[str, Any]) -> str:
    return ".".join(base64url.encode(json.dumps(dict(part)).encode()) for part in parts)
