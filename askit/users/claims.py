"""The claims of users: which a scope stands for, and which a request asks for by name.

Spec: OIDC 5.4, 5.5
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SCOPE_CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
        "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
PROTOCOL_CLAIMS: Final = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "acr", "auth_time", "sid"}
)
"""What the server itself says in an ID token: never taken from a user's claims."""


def claims_by_name(claims: Mapping[str, Any]) -> set[str]:
    """The user's claims that a `claims` parameter asks for, in either place."""
    return {name for place in ("id_token", "userinfo") for name in claims.get(place) or {}} - PROTOCOL_CLAIMS
