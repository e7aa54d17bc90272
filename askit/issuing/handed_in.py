"""Tokens of this server that a client hands in to be exchanged: what they are about, and how far they go.

Spec: RFC 8693 2.1d, 3; OIDC 3.1.3.7
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidGrant
from askit.issuing.confirmation import Confirmation
from askit.issuing.id_token import verify_own_id_token
from askit.issuing.tokens import About, find_access_token
from askit.users import grants as user_grants
from fapikit.errors import JwtError
from fapikit.jose.claims import Expected, check_claims
from fapikit.jose.purposes import ID_TOKEN
from fapikit.urns import ID_TOKEN_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """A valid token. `client_id`: the client that it was issued to. `audiences`: the APIs that it reaches."""

    client_id: str
    about: About
    scopes: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    audiences: tuple[str, ...]
    bound_to: Confirmation
    may_act: Mapping[str, Any] | None

    def is_own(self, client: Client) -> bool:
        """Whether it was issued to this client."""
        return self.client_id == client.client_id

    def is_received(self, core: Core, client: Client) -> bool:
        """Whether this client is the API that it is for: the one that may introspect it."""
        apis = map(core.config.resource, self.audiences)
        return any(api is not None and client.client_id in api.introspection_clients for api in apis)


async def find_handed_in(core: Core, client: Client, token: str, token_type: str) -> HandedIn | None:
    """The token, if it is valid and this server can trace it. An ID token is only accepted from its own client."""
    if token_type == ID_TOKEN_TYPE:
        return await _find_id_token(core, client, token)
    record = await find_access_token(core, token)
    if record is None:
        return None
    grant = None if record.grant_id is None else await user_grants.find(core, record.grant_id)
    return HandedIn(
        client_id=record.client_id,
        about=About(
            record.sub,
            record.grant_id,
            record.username if grant is None else grant.username,
            record.expires_at,
            record.acr,
            record.auth_time,
            record.act,
            record.grant_version,
            record.session_id,
        ),
        scopes=record.scopes,
        authorization_details=record.authorization_details,
        audiences=(record.audience,),
        bound_to=Confirmation(record.jkt, record.x5t),
        may_act=record.may_act,
    )


async def _find_id_token(core: Core, client: Client, token: str) -> HandedIn | None:
    """An ID token has no scopes of its own. It stands for the grant of the sign-in that it was issued after."""
    try:
        claims = await verify_own_id_token(core, token, client)
        expected = Expected(
            issuer=core.config.issuer, audience=(client.client_id,), now=core.clock(), skew=0.0
        )
        check_claims(claims, ID_TOKEN, expected)
    except JwtError:
        return None
    jti = claims.get("jti")
    decision = await core.records.marked("id-token", jti) if isinstance(jti, str) else None
    grant = None if decision is None else await user_grants.find_decision(core, decision)
    if grant is None:
        return None
    try:
        grant = user_grants.still_open_to(client, grant, core.config)
    except InvalidGrant:
        return None
    return HandedIn(
        client_id=client.client_id,
        about=About.of_grant(grant)._replace(until=float(claims["exp"])),
        scopes=grant.scopes,
        authorization_details=grant.authorization_details,
        audiences=user_grants.reached(core.config, grant),
        bound_to=Confirmation(),
        may_act=client.may_act,
    )
