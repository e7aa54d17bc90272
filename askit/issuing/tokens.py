"""Access tokens: for one API, bound to a key or a certificate, as RFC 9068 JWT or opaque. Both kinds are stored.

Spec: RFC 9068 2.1, 2.2, 6; RFC 6749 5.1; RFC 9449 5b, 6; RFC 8705 3.1, 3.2; FAPI2-SP 5.3.2.1-4, 5.4.1-4
Spec: RFC 9396 7, 9.1; FAPI1-BL 5.2.2-14, 5.2.2-15; TSL 6.2, 13.2; GM 10
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self

from askit.clients.client import Client
from askit.config.values import Resource
from askit.core import Core
from askit.issuing.audience import scopes_for
from askit.issuing.confirmation import Confirmation
from askit.issuing.encryption import encrypted_for_api
from askit.issuing.status_lists import ReservedEntry, reserve_entry
from askit.issuing.token_parties import find_parties, left_by
from askit.record_store import Step
from askit.records import AccessToken, Grant
from askit.requests.authorization_details import Details, details_for
from askit.requests.details_ends import first_end
from askit.users import grants as user_grants
from askit.users.subjects import session_for, subjects_in_token
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.secrets import random_token


class About(NamedTuple):
    """Whom a token is about. `username`: whose share it counts against. `until`: when it ends at the latest.

    `act`: who acts for the subject.
    """

    sub: str
    grant_id: str | None = None
    username: str | None = None
    until: float | None = None
    acr: str | None = None
    auth_time: int | None = None
    act: Mapping[str, Any] | None = None
    grant_version: int = 0
    session_id: str = ""

    @classmethod
    def of_grant(cls, grant: Grant) -> Self:
        return cls(
            grant.sub,
            grant.grant_id,
            grant.username,
            grant.expires_at,
            grant.acr,
            grant.auth_time,
            grant_version=grant.version,
            session_id=grant.session_id,
        )


async def issue_access_token(
    core: Core,
    *,
    client: Client,
    resource: Resource | None,
    scopes: tuple[str, ...],
    details: Details,
    bound_to: Confirmation,
    grant: Grant | None,
    about: About | None = None,
    later: list[Step[None]] | None = None,
) -> dict[str, Any]:
    """Issue and store a token. Returns the body of the token response (RFC 6749 5.1).

    `scopes` and `details` may go beyond the resource: what does not belong to it is left out. `about`: if it is not
    the user of the grant or, without a grant, the client itself. `later`: if given, the token is not stored here, and
    the step that stores it is added to this list.
    """
    about = about or (About.of_grant(grant) if grant else About(client.client_id))
    now = int(core.clock())
    expires_at = now + int(core.config.access_token_lifetime)
    if about.until is not None:
        expires_at = min(expires_at, int(about.until))
    audience = resource.uri if resource else core.config.issuer
    details = details_for(details, audience, core.config)
    expires_at = int(first_end(details, core.config, expires_at))
    record = AccessToken(
        jti=random_token(core.random_bytes),
        client_id=client.client_id,
        sub=about.sub,
        scopes=scopes_for(resource, scopes),
        audience=audience,
        issued_at=now,
        expires_at=expires_at,
        grant_id=about.grant_id,
        authorization_details=details,
        jkt=bound_to.jkt,
        x5t=bound_to.x5t,
        acr=about.acr,
        auth_time=about.auth_time,
        username=about.username if about.grant_id is None else None,
        act=about.act,
        may_act=client.may_act,
        grant_version=about.grant_version,
        session_id=about.session_id if core.config.shared_signals is not None else "",
        intent_scope=None if grant is None else grant.intent_scope,
    )
    owners = client.owners if about.username is None else core.owners(client, about.username)
    if resource is not None and resource.token_format == "jwt":
        entry = await reserve_entry(core, expires_at, owners)
        signed = await core.sign(token_claims(core, record, resource, client, entry), ACCESS_TOKEN)
        token = await encrypted_for_api(core, resource, signed)
    else:
        entry, token = None, random_token(core.random_bytes)
    kept = [core.records.saving("token", token, record, core.config.access_token_lifetime + 60, owners)]
    if entry is not None:
        kept.append(entry.keeping(core, token, record))
    if later is not None:
        later += kept
    else:
        await core.records.together(*kept)
        if about.grant_id is not None:
            await user_grants.note_use(core, about.grant_id, owners)
    body: dict[str, Any] = {
        "access_token": token,
        "token_type": bound_to.token_type,
        "expires_in": record.expires_at - now,
        "scope": " ".join((*record.scopes, *_intent_scope(record))),
    }
    if record.authorization_details:
        body["authorization_details"] = list(record.authorization_details)
    return body


def token_claims(
    core: Core,
    record: AccessToken,
    resource: Resource,
    client: Client,
    entry: ReservedEntry | None = None,
) -> dict[str, Any]:
    """What an API may know of a token for it: the claims of a JWT (RFC 9068 2.2), or the members of introspection.

    `scope` has only the scopes of this API. `client`: that of the token. `entry`: that of the JWT in a status list.
    """
    sub, act = subjects_in_token(core, client, resource, record.sub, record.act)
    claims: dict[str, Any] = {
        "iss": core.config.issuer,
        "aud": record.audience,
        "sub": sub,
        "client_id": record.client_id,
        "iat": record.issued_at,
        "exp": record.expires_at,
        "jti": record.jti,
    }
    scopes = [*(scope for scope in record.scopes if scope in resource.scopes), *_intent_scope(record)]
    if scopes:
        claims["scope"] = " ".join(scopes)
    if record.authorization_details:
        claims["authorization_details"] = list(record.authorization_details)
    if cnf := Confirmation(record.jkt, record.x5t).cnf:
        claims["cnf"] = cnf
    if record.acr is not None:
        claims["acr"] = record.acr
    if record.auth_time is not None:
        claims["auth_time"] = record.auth_time
    if act is not None:
        claims["act"] = act
    if record.may_act is not None:
        claims["may_act"] = record.may_act
    if record.session_id:
        whole = resource.subject == "user"
        claims["sid"] = record.session_id if whole else session_for(core, client, record.session_id)
    if entry is not None:
        claims["status"] = entry.reference.claim()
    return claims


def _intent_scope(record: AccessToken) -> tuple[str, ...]:
    """The scope that named the lodged intent, in a token that has something of that intent."""
    return () if record.intent_scope is None or not record.authorization_details else (record.intent_scope,)


async def find_access_token(core: Core, token: str) -> AccessToken | None:
    """A valid access token: issued here, not expired, not revoked, with an existing client, user and grant.

    Its scopes and details are reduced to what its client may still have, the client to which the user granted them,
    and what its grant still has after a merge or a replacement.
    """
    record = await core.records.load("token", token, AccessToken)
    if record is None or core.clock() >= record.expires_at:
        return None
    parties = await find_parties(core, record.client_id, record.audience, record.grant_id, record.username)
    if parties is None:
        return None
    if parties.grant is not None and parties.grant.version != record.grant_version:
        left = left_by(core.config, record, parties.grant)
        if left is None:
            return None
        record = left
    for client in parties.clients:
        record = _narrowed(record, client)
    return record


def _narrowed(record: AccessToken, client: Client) -> AccessToken:
    """The token with what this client may still have."""
    return replace(
        record,
        scopes=tuple(filter(client.may_have_scope, record.scopes)),
        authorization_details=tuple(
            detail for detail in record.authorization_details if client.may_have_details(detail["type"])
        ),
    )
