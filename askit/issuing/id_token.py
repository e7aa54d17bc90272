"""ID tokens: who signed in, how and when, for one client and one request.

Spec: OIDC 2, 3.1.3.6, 3.3.2.11, 5.4, 5.5, 5.5.1; FAPI1-ADV 5.1.1, 5.2.2.1-4, 5.2.2.1-5, 5.2.2.1-6;
    FAPI1-ADV 5.2.2.1-1, -2, -3; FAPI1-BL 5.2.2.1-6; FAPI2-SP 5.3.2.3; FAPI2-MS 5.6.2-1; OIDC Back-Channel Logout 2.1
Spec: CIBA 10.3.1b; IDA 5.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.core import Core
from askit.issuing.claims_sources import members_of_sources
from askit.issuing.encryption import encrypted_for
from askit.issuing.verified_claims import verified_claims_member
from askit.records import Grant
from askit.users.claims import PROTOCOL_CLAIMS, SCOPE_CLAIMS
from askit.users.subjects import session_for, subject_for
from fapikit.claim_requests import accepted_values, accepts, wishes_of
from fapikit.jose.claims import check_audience, check_issuer
from fapikit.jose.half_hash import half_hash
from fapikit.jose.key_set import KeySet
from fapikit.jose.parse import parse_jws
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jose.verify import check_signature
from fapikit.lodged_intents import INTENT_CLAIM
from fapikit.secrets import random_token

LIFETIME: Final = 300
AUTH_REQ_ID: Final = "urn:openid:params:jwt:claim:auth_req_id"
RT_HASH: Final = "urn:openid:params:jwt:claim:rt_hash"


async def make_id_token(
    core: Core,
    *,
    client: Client,
    grant: Grant,
    nonce: str | None,
    access_token: str,
    refresh_token: str | None = None,
    auth_req_id: str | None = None,
) -> str:
    """The ID token of the token endpoint. Signed with the algorithm that the client registered, else our default.

    `auth_req_id`: of a push (CIBA). Then the ID token vouches for the whole message, also for the refresh token.
    """
    alg = _alg(core, client)
    claims = {
        **_sign_in_claims(core, client, grant, nonce),
        "at_hash": half_hash(access_token, alg),
        **await _exchangeable(core, client, grant),
        **requested_claims(core, grant, "id_token"),
    }
    if auth_req_id is not None:
        claims[AUTH_REQ_ID] = auth_req_id
        if refresh_token is not None:
            claims[RT_HASH] = half_hash(refresh_token, alg)
    return await encrypted_for(core, client, await core.sign(claims, ID_TOKEN, alg), "id_token")


async def make_detached_signature(
    core: Core, *, client: Client, grant: Grant, nonce: str | None, code: str, state: str | None
) -> str:
    """The ID token in the authorization response. It signs code and state.

    It goes through the browser, so its only claim about the user is `sub` (FAPI1-ADV 5.2.2.1-6).
    """
    alg = _alg(core, client)
    claims = {**_sign_in_claims(core, client, grant, nonce), "c_hash": half_hash(code, alg)}
    if state is not None:
        claims["s_hash"] = half_hash(state, alg)
    return await encrypted_for(core, client, await core.sign(claims, ID_TOKEN, alg), "id_token")


async def _exchangeable(core: Core, client: Client, grant: Grant) -> dict[str, str]:
    """The `jti` of an ID token that its client may exchange. Its grant is stored under it."""
    if "id_token" not in core.config.exchange_rule(client.client_id).token_types:
        return {}
    jti, owners = random_token(core.random_bytes), core.owners(client, grant.username)
    await core.records.mark("id-token", jti, LIFETIME, grant.decision, owners=owners)
    return {"jti": jti}


async def verify_own_id_token(core: Core, token: str, client: Client) -> Mapping[str, Any]:
    """The claims of an ID token that this server issued to this client, at any time. Raises JwtError, StoreError."""
    jws = parse_jws(token, ID_TOKEN, core.signing_algorithms)
    key = KeySet.from_jwks(await core.keys.jwks()).select(jws.alg, jws.kid, ID_TOKEN)
    claims = check_signature(jws, key, ID_TOKEN)
    check_issuer(claims, ID_TOKEN, core.config.issuer)
    check_audience(claims, ID_TOKEN, (client.client_id,), sole=False)
    return claims


def _alg(core: Core, client: Client) -> str:
    return client.alg("id_token_signed_response_alg") or core.keys.default_alg


def _hears_of_sessions(core: Core, client: Client) -> bool:
    """Whether it is told that a session has ended, by a logout token or by Shared Signals."""
    signals = core.config.shared_signals
    receives = signals is not None and signals.receiver(client.client_id) is not None
    return receives or "backchannel_logout_uri" in client.metadata


def _sign_in_claims(core: Core, client: Client, grant: Grant, nonce: str | None) -> dict[str, Any]:
    now = int(core.clock())
    claims: dict[str, Any] = {
        "iss": core.config.issuer,
        "sub": subject_for(core, client, grant.sub),
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": grant.auth_time,
        "acr": grant.acr,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if grant.intent_id is not None:
        claims[INTENT_CLAIM] = grant.intent_id
    if grant.session_id and _hears_of_sessions(core, client):
        claims["sid"] = session_for(core, client, grant.session_id)
    return claims


def requested_claims(core: Core, grant: Grant, place: str, *, by_scope: Iterable[str] = ()) -> dict[str, Any]:
    """The user's claims that the `claims` parameter requests, plain and verified; and those of scopes, with any value.

    One that is unknown, or has another value than those requested, is left out, whether or not it is essential. One
    that another issuer says comes as a reference; requested by value it is left out, as its value is not known here.
    """
    user = core.users.find(grant.username)
    known = user.claims if user else {}
    wanted = {**wishes_of(grant.claims, place), **dict.fromkeys(by_scope)}
    plain = {
        name: known[name]
        for name, wish in wanted.items()
        if name in known and name not in PROTOCOL_CLAIMS and accepts(wish, known[name])
    }
    referred = [name for name, wish in wanted.items() if accepted_values(wish) is None]
    return {**plain, **members_of_sources(user, referred), **verified_claims_member(grant, user, place)}


def userinfo_claims(core: Core, client: Client, grant: Grant, scopes: tuple[str, ...]) -> dict[str, Any]:
    """`sub`, the claims of the token's scopes, and those requested by name."""
    by_scope = [name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ())]
    claims = requested_claims(core, grant, "userinfo", by_scope=by_scope)
    if grant.intent_id is not None and INTENT_CLAIM in (grant.claims.get("userinfo") or {}):
        claims[INTENT_CLAIM] = grant.intent_id
    sub = subject_for(core, client, grant.sub)
    return {**claims, "sub": sub}
