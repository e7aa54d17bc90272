"""ID tokens: who signed in, how and when, for this client and this request.

Spec: OIDC 2, 3.1.3.6, 5.4, 5.5; FAPI2-SP 5.3.2.3; FAPI2-MS 5.6.2-1; OIDC Back-Channel Logout 2.1
Role: AS
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from askit.clients.client import Client
from askit.records import Grant
from fapikit.base64url import encode
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.purposes import ID_TOKEN

if TYPE_CHECKING:
    from askit.core import Core

LIFETIME: Final = 300
SCOPE_CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
        "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
_PROTOCOL: Final = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "acr", "auth_time", "sid"}
)


async def make_id_token(
    core: Core, *, client: Client, grant: Grant, nonce: str | None, access_token: str
) -> str:
    """Signed with the algorithm that the client registered, else this server's own."""
    alg = client.alg("id_token_signed_response_alg") or core.keys.default_alg
    now = int(core.clock())
    claims: dict[str, Any] = {
        "iss": core.config.issuer,
        "sub": grant.sub,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "at_hash": half_hash(access_token, alg),
        **requested_claims(core, grant, "id_token"),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if "backchannel_logout_uri" in client.metadata and grant.session_id:
        claims["sid"] = grant.session_id
    return await core.sign(claims, ID_TOKEN, alg)


def half_hash(value: str, alg: str) -> str:
    """The left half of a hash with the hash of `alg` (OIDC 3.1.3.6)."""
    digest = hashlib.new(ALGORITHMS[alg].hash_name, value.encode("ascii")).digest()
    return encode(digest[: len(digest) // 2])


def claims_by_name(claims: Mapping[str, Any]) -> set[str]:
    """The user's claims that a `claims` parameter asks for, in either place."""
    return {name for place in ("id_token", "userinfo") for name in claims.get(place) or {}} - _PROTOCOL


def requested_claims(core: Core, grant: Grant, place: str) -> dict[str, Any]:
    """The user's claims that the `claims` parameter asks for by name; unknown ones are left out."""
    user = core.users.find(grant.username)
    wanted = grant.claims.get(place) or {}
    known = user.claims if user else {}
    return {name: known[name] for name in wanted if name in known and name not in _PROTOCOL}


def userinfo_claims(core: Core, grant: Grant, scopes: tuple[str, ...]) -> dict[str, Any]:
    """`sub`, the claims of the token's scopes, and those asked for by name."""
    user = core.users.find(grant.username)
    known = user.claims if user else {}
    claims = {name: known[name] for scope in scopes for name in SCOPE_CLAIMS.get(scope, ()) if name in known}
    return {**claims, **requested_claims(core, grant, "userinfo"), "sub": grant.sub}
