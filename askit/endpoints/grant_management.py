"""The grant management endpoint: a client reads what one of its grants holds, or ends it. There is no list of grants.

Spec: GM 6.2, 6.3, 6.4, 6.5, 6.6, 10
Role: AS, RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.errors import ForeignGrant, InsufficientScope, NoSuchGrant
from askit.issuing.verified_claims import given_anywhere
from askit.messages import json_answer
from askit.records import Grant
from askit.requests.protected_resource import Caller, answer_with_token
from askit.users import grants as user_grants
from askit.users.claims import claims_by_name
from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.grant_management import QUERY, REVOKE, SCOPES


async def query(core: Core, request: Request) -> Response:
    """200 with what the client may have of the grant."""

    async def answer(caller: Caller, grant: Grant) -> Response:
        left = user_grants.left_to(caller.client, grant, core.config)
        return json_answer(core.grant_body(_members(core, left)), 200, await core.nonce_header())

    return await _answer(core, request, QUERY, answer)


async def revoke(core: Core, request: Request) -> Response:
    """204. The grant has ended, and with it its codes, refresh tokens and access tokens."""

    async def answer(_caller: Caller, grant: Grant) -> Response:
        await user_grants.end(core, grant.grant_id, grant.username)
        headers = {"cache-control": "no-store", **await core.nonce_header()}
        return Response(status_code=204, headers=headers)

    return await _answer(core, request, REVOKE, answer)


async def _answer(
    core: Core, request: Request, action: str, answer: Callable[[Caller, Grant], Awaitable[Response]]
) -> Response:
    async def checked(caller: Caller) -> Response:
        return await answer(caller, await _find(core, caller, action, request.path_params["grant_id"]))

    return await answer_with_token(core, request, f"grant management ({action})", checked)


async def _find(core: Core, caller: Caller, action: str, grant_id: str) -> Grant:
    """The grant of this URL. Raises InsufficientScope, NoSuchGrant, ForeignGrant, StoreError."""
    if SCOPES[action] not in caller.token.scopes:
        raise InsufficientScope(f"this needs the scope {SCOPES[action]}", clause="GM 6.1")
    if action not in core.config.grant_management.actions or not caller.client.may_manage(action):
        raise ForeignGrant(f"this client may not {action} grants")
    grant = await user_grants.find(core, grant_id)
    if grant is None or not grant.managed:
        raise NoSuchGrant("no grant has this URL, or it has ended")
    if grant.client_id != caller.client.client_id:
        raise ForeignGrant("this grant is of another client")
    return grant


def _members(core: Core, grant: Grant) -> dict[str, Any]:
    """The answer of GM 6.4. Times are seconds since 1970."""
    members: dict[str, Any] = {
        "scopes": _scopes(core, grant),
        "claims": _claims(core, grant),
        "authorization_details": list(grant.authorization_details),
        "created_at": int(grant.created_at),
        "last_updated_at": int(grant.updated_at or grant.created_at),
        "expires_at": int(grant.expires_at),
        "updated_by": "client",  # the only one who changes a grant here; whoever ends it leaves none
    }
    return {name: value for name, value in members.items() if value != []}


def _claims(core: Core, grant: Grant) -> list[str]:
    """The names of the claims that the user was asked for by name, and has."""
    user = core.users.find(grant.username)
    names = claims_by_name(grant.claims) & (user.claims.keys() if user else set())
    return sorted(names | ({VERIFIED_CLAIMS} if given_anywhere(grant, user) else set()))


def _scopes(core: Core, grant: Grant) -> list[dict[str, Any]]:
    """The scopes of each set of APIs in one entry; those of UserInfo without a resource."""
    reached = user_grants.reached(core.config, grant)
    by_apis: dict[tuple[str, ...], list[str]] = {}
    for scope in grant.scopes:
        apis = (api.uri for api in core.config.resources if scope in api.scopes and api.uri in reached)
        by_apis.setdefault(tuple(apis), []).append(scope)
    return [
        {"scope": " ".join(scopes), **({"resource": list(apis)} if apis else {})}
        for apis, scopes in by_apis.items()
    ]
