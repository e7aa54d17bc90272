"""Access tokens as the test server would issue them, with whatever claims a test gives them.

Spec: RFC 9068 2.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.core import Core
from askit.issuing.status_lists import reserve_entry
from askit.issuing.tokens import token_claims
from askit.records import AccessToken
from askit.requests.authorization_details import enrich
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.secrets import random_token

CLIENT_ID: Final = "test-client"


async def make_access_token(
    core: Core,
    *,
    scope: str = "accounts",
    cnf: Mapping[str, str] | None = None,
    resource: str | None = None,
    sub: str = "alice",
    client_id: str = CLIENT_ID,
    lifetime: float | None = None,
    authorization_details: tuple[Mapping[str, Any], ...] = (),
    act: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """An access token as the server would issue it. It is stored, so it can be introspected.

    `cnf` has `jkt` for a DPoP-bound token, `x5t#S256` for a certificate-bound one. `act`: who acts for `sub`. `claims`
    change the JWT; None removes a claim. Details of a `single_use` type become part of a consent, as after a login,
    unless they name one.
    """
    chosen = core.config.resource(resource) if resource else core.config.resources[0]
    if chosen is None:
        raise ValueError(f"resource= is not one of this server: {resource}")
    now = int(core.clock())
    lives = core.config.access_token_lifetime if lifetime is None else lifetime
    record = AccessToken(
        jti=random_token(core.random_bytes),
        client_id=client_id,
        sub=sub,
        scopes=tuple(scope.split()),
        audience=chosen.uri,
        issued_at=now,
        expires_at=int(now + lives),
        authorization_details=tuple(_consented(core, detail) for detail in authorization_details),
        jkt=(cnf or {}).get("jkt"),
        x5t=(cnf or {}).get("x5t#S256"),
        acr=core.config.acr_levels[0],
        auth_time=now,
        act=act,
    )
    is_jwt = chosen.token_format == "jwt"
    entry = await reserve_entry(core, record.expires_at, ()) if is_jwt else None
    owner = await core.clients.find(client_id) or Client(client_id=client_id, metadata={})
    members = {
        **token_claims(core, record, chosen, owner, entry),
        **({"cnf": dict(cnf)} if cnf else {}),
        **claims,
    }
    token = random_token(core.random_bytes)
    if is_jwt:
        kept = {name: value for name, value in members.items() if value is not None}
        token = await core.sign(kept, ACCESS_TOKEN)
    await core.records.save("token", token, record, max(lives, 1) + 60)
    if entry is not None:
        await core.records.do(entry.keeping(core, token, record))
    return token


def _consented(core: Core, detail: Mapping[str, Any]) -> Mapping[str, Any]:
    expires_at = core.clock() + core.config.grant_lifetime
    (granted,) = enrich((detail,), core.config, core.random_bytes, expires_at)
    return {**granted, **detail}
