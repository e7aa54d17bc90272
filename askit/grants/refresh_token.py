"""The refresh grant: a new access token of the same grant, for one of its resources.

The refresh token stays the same, as FAPI 2 requires. With rotation, each use gives a successor. Reuse of a used token
is forgiven once: shortly after its use, and only while nobody has used its successor, because the answer may have been
lost. The first successor is then invalid. Any other reuse ends the grant and so the whole family.

Spec: RFC 6749 6; FAPI2-SP 5.3.2.1-9; RFC 8707 2.2; RFC 9396 6; RFC 9700 2.2.2, 4.14.2; RFC 9449 5d, 5e
Spec: RFC 8705 4
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.core import Core
from askit.errors import InvalidGrant, InvalidRequest
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource, narrow_scopes
from askit.issuing.refresh_tokens import find_refresh_token, use_refresh_token
from askit.issuing.tokens import issue_access_token
from askit.records import RefreshFamily
from askit.requests.authorization_details import narrow
from askit.requests.dpop import use_proof
from askit.users import grants as user_grants


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget."""
    parameters = request.parameters
    value = parameters.get("refresh_token")
    if value is None:
        raise InvalidRequest("refresh_token is missing", clause="RFC 6749 6")
    token = await find_refresh_token(core, value)
    if token is None or not _is_of(token.family, request.client.client_id, core.clock()):
        raise InvalidGrant("this refresh token is unknown, expired or another client's", clause="RFC 6749 6")
    family = token.family
    if family.jkt is not None and family.jkt != request.bound_to.jkt:
        raise InvalidGrant("this refresh token is bound to another DPoP key", clause="RFC 9449 5d")
    if family.x5t is not None and family.x5t != request.bound_to.x5t:
        raise InvalidGrant("this refresh token is bound to another certificate", clause="RFC 8705 4")
    grant = await user_grants.find(core, family.grant_id)
    if grant is None:
        raise InvalidGrant("this grant was revoked")
    user_grants.require_version(grant, family.grant_version)
    grant = user_grants.still_open_to(request.client, grant, core.config)
    scopes = narrow_scopes(parameters.get("scope"), grant.scopes, grant.intent_scope)
    details = narrow(grant.authorization_details, parameters.get("authorization_details"))
    resource = choose_resource(
        core.config,
        asked=parameters.all("resource"),
        granted=grant.resources,
        scopes=scopes,
        details=details,
    )
    await use_proof(core, request.proof, request.client)
    # RFC 9700 2.2.2: a public client's token is bound to a key or rotated, even if the configuration says neither.
    unbound = family.jkt is None and family.x5t is None
    rotated = core.config.rotates(request.client) or (request.client.auth_method == "none" and unbound)
    successor = await use_refresh_token(core, token, rotated=rotated)
    body = await issue_access_token(
        core,
        client=request.client,
        resource=resource,
        scopes=scopes,
        details=details,
        bound_to=request.bound_to,
        grant=grant,
    )
    if successor is not None:
        body["refresh_token"] = successor
    if grant.managed:
        body["grant_id"] = grant.grant_id
    return body


def _is_of(family: RefreshFamily, client_id: str, now: float) -> bool:
    return family.client_id == client_id and now < family.expires_at
