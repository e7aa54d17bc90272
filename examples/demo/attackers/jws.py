"""A JWS as an attacker sees it: he can read and change header and payload, but then the signature is wrong."""

from __future__ import annotations

import json
from typing import Any

from fapikit import base64url


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(base64url.decode(token.split(".", maxsplit=1)[0]))
    return header


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


def altered(token: str, **changes: Any) -> str:
    """The same token with other claims. The signature stays the same."""
    head, _, signature = token.split(".")
    claims = json.dumps({**claims_of(token), **changes})
    return ".".join((head, base64url.encode(claims.encode()), signature))
