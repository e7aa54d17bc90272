"""The claims of users: those of each scope, and those that a request names.

Spec: OIDC 5.4, 5.5
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.config.values import User
from fapikit.claim_requests import PLACES, VERIFIED_CLAIMS
from fapikit.lodged_intents import INTENT_CLAIM

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
    {"iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "acr", "auth_time", "sid", "jti"}
    | {INTENT_CLAIM}
    | {"urn:openid:params:jwt:claim:auth_req_id", "urn:openid:params:jwt:claim:rt_hash"}
)
"""Claims of an ID token that only the server sets, never the user's claims."""


def known_claims(user: User | None) -> set[str]:
    """The names of the plain claims that this server can give of a user, or another issuer can."""
    if user is None:
        return set()
    return {
        *user.claims,
        *(name for source in user.claims_sources for name in source.claims),
    } - PROTOCOL_CLAIMS


def claims_by_name(claims: Mapping[str, Any]) -> set[str]:
    """The user's claims that a `claims` parameter requests, for the ID token or for UserInfo."""
    named = {name for place in PLACES for name in claims.get(place) or {}}
    return named - PROTOCOL_CLAIMS - {VERIFIED_CLAIMS}


def asks_for_verified_claims(claims: Mapping[str, Any]) -> bool:
    """Whether a `claims` parameter asks for verified claims in any place."""
    return any(VERIFIED_CLAIMS in (claims.get(place) or {}) for place in PLACES)
