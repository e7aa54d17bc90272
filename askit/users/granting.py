"""A user's approval of a request: one decision makes one grant, however the request is answered.

Spec: FAPI2-SP 5.3.2.2 N3; RFC 9126 4b; RFC 9470 5; OIDC 3.1.2.2; GM 5.2, 9
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable

from askit.clients.client import Client
from askit.core import Core
from askit.errors import AccessDenied, LoginRequired, UsedIntent
from askit.intents import life, named
from askit.record_store import Step
from askit.records import AuthorizationRequest, Grant, Session
from askit.requests.authorization_details import enrich
from askit.requests.request_uris import OpenedRequest, use_up
from askit.users import grants as user_grants
from askit.users import logout, managed_grants
from askit.users.levels import granted_level, needed_level
from fapikit.secrets import random_token


async def make_grant(
    core: Core,
    opened: OpenedRequest,
    client: Client,
    session: Session,
    answer: Callable[[Grant], Step[None]],
) -> Grant:
    """Mark the request as decided, and store the grant; in the same trip, what `answer` makes of it for the client.

    A request to merge or replace changes the grant that it names. Of two decisions on one lodged intent one counts.
    Raises AnsweredBefore if the request was decided already; InvalidGrantId, InvalidAuthorizationDetails,
    IntentRefused, LoginRequired, AccessDenied, ShareTaken, StoreError.
    """
    request = opened.request
    require_requested_user(core, request, session)
    acr = granted_level(core, request, session)
    owners = core.owners(client, session.username)
    user = core.users.find(session.username)
    if user is None:
        raise AccessDenied("this user may no longer sign in")
    managed = await managed_grants.read(core, request, client, user)
    managed_grants.require_lasting(core, request, managed)
    intent = await named.require_grantable(core, request, client, user)
    grant_id = random_token(core.random_bytes) if managed is None else managed.grant.grant_id
    head = user_grants.reading_head(core, user.username)
    (newest,) = await use_up(core, opened, owners, head, grant_id=grant_id)
    now = core.clock()
    expires_at = managed_grants.ends_at(core, request, managed)
    grant = Grant(
        grant_id=grant_id,
        client_id=client.client_id,
        username=user.username,
        sub=user.sub,
        scopes=request.scopes,
        resources=request.resources,
        authorization_details=enrich(
            request.authorization_details, core.config, core.random_bytes, expires_at
        ),
        created_at=now,
        expires_at=expires_at,
        auth_time=session.auth_time,
        acr=acr,
        claims=request.claims,
        session_id=session.session_id,
        managed=request.grant_management_action is not None,
        intent_id=request.intent_id,
        intent_scope=request.intent_scope,
    )
    if "openid" in request.scopes:
        await logout.remember(core, session, client, owners)
    if managed is not None:
        return await managed_grants.change(core, request, grant, managed, owners, answer, newest=newest)
    first = None if intent is None else life.changing(core, intent, "authorised", grant_id)
    if not await user_grants.remember(core, grant, owners, answer(grant), newest=newest, first=first):
        await named.find_awaiting(core, request, client)
        raise UsedIntent("this intent has changed while the user decided: lodge a new one")
    return grant


def is_requested_user(core: Core, request: AuthorizationRequest, session: Session) -> bool:
    user = core.users.find(session.username)
    return not request.subjects or (user is not None and user.sub in request.subjects)


def require_requested_user(core: Core, request: AuthorizationRequest, session: Session) -> None:
    """Raise LoginRequired if another user is signed in than the one that the request names."""
    if not is_requested_user(core, request, session):
        raise LoginRequired(
            "another user is signed in than the one that the request names", clause="OIDC 3.1.2.2"
        )


def automatic_session(core: Core, request: AuthorizationRequest) -> Session:
    """The session of the user who approves everything, for a server with `auto_approve`."""
    now, username = core.clock(), str(core.config.auto_approve)
    level = needed_level(core, request, core.users.find(username))
    return Session(
        username=username,
        auth_time=int(now),
        acr=level or core.config.acr_levels[0],
        expires_at=now + 1,
    )
