"""Revocation: a refresh token ends its grant and all tokens of that grant; an access token ends only itself.

An API that verifies JWTs by itself accepts a revoked one until it expires, at most `access_token_lifetime` later,
unless it reads the status lists (`issuing/status_lists`). An API that introspects refuses it at once, within its
cache.

Spec: RFC 7009 2, 2.1, 2.2; FAPI2-SP 6.8
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.client_check.authenticate import authenticate_client
from askit.core import Core
from askit.errors import InvalidRequest
from askit.issuing.refresh_tokens import find_refresh_token
from askit.messages import read_form
from askit.records import AccessToken
from askit.signals.announce import announce
from askit.signals.happened import TokenEnded
from askit.users import grants as user_grants


async def revoke(core: Core, request: Request) -> Response:
    """200, also for an unknown token (RFC 7009 2.2). Raises FapiError."""
    parameters = await read_form(request, core.config.limits)
    client = await authenticate_client(core, request, parameters)
    token = parameters.get("token")
    if token is None:
        raise InvalidRequest("token is missing", clause="RFC 7009 2.1")
    refresh = await find_refresh_token(core, token)
    if refresh is not None:
        _require_owner(refresh.family.client_id, client.client_id)
        await user_grants.revoke(core, refresh.family.grant_id)
    access = await core.records.load("token", token, AccessToken)
    if access is not None:
        _require_owner(access.client_id, client.client_id)
        announced = await announce(core, TokenEnded(token=access))
        await core.records.remove("token", token)
        await announced.deliver()
    return Response(status_code=200, headers={"cache-control": "no-store"})


def _require_owner(owner: str, client_id: str) -> None:
    if owner != client_id:
        raise InvalidRequest("this token was issued to another client", clause="RFC 7009 2.1")
