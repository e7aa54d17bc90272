"""Alters a signed JWT so that nobody may accept it.

Spec: RFC 8725 3.1, 3.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fapikit import base64url, strict_json
from fapikit.jose.private_key import PrivateKey


def unsigned(jwt: str) -> str:
    """The same claims with `alg: none`."""
    header, claims, _ = jwt.split(".")
    members = {**strict_json.parse_object(base64url.decode(header)), "alg": "none"}
    return f"{base64url.encode(strict_json.dump(members))}.{claims}."


def broken_signature(jwt: str) -> str:
    """Inverts every octet of the signature."""
    signed, _, signature = jwt.rpartition(".")
    octets = bytes(octet ^ 0xFF for octet in base64url.decode(signature))
    return f"{signed}.{base64url.encode(octets)}"


def resigned(key: PrivateKey, **header: Any) -> Callable[[str], str]:
    """The same claims, with a valid signature of another key. `header`: members to change; None removes one."""

    def change(jwt: str) -> str:
        old, claims, _ = jwt.split(".")
        members = {
            **strict_json.parse_object(base64url.decode(old)),
            "alg": key.alg,
            "kid": key.kid,
            **header,
        }
        kept = {name: value for name, value in members.items() if value is not None}
        signing_input = f"{base64url.encode(strict_json.dump(kept))}.{claims}"
        return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"

    return change
