"""The refresh grant: another access token of the same grant, for one of its resources.

The refresh token is kept, as FAPI 2 wants. With rotation each use gives a successor; a used one that comes again is
forgiven once, shortly after and while nobody used its successor (the answer was lost), and its first successor
dies. Any other reuse ends the grant and with it the whole family.

Spec: RFC 6749 6; FAPI2-SP 5.3.2.1-9; RFC 8707 2.2; RFC 9396 6; RFC 9700 2.2.2, 4.14.2; RFC 9449 5d, 5e
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from askit.core import Core
from askit.errors import InvalidGrant, InvalidRequest
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource, narrow_scopes
from askit.issuing.tokens import issue_access_token
from askit.record_fields import reading
from askit.records import RefreshToken, digest
from askit.requests.authorization_details import narrow
from askit.requests.dpop import use_proof
from askit.users import grants as granted
from fapikit.secrets import random_token

RETRY_WINDOW: Final = 60.0
"""How long after its use a rotated token is still forgiven."""


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget."""
    parameters = request.parameters
    value = parameters.get("refresh_token")
    if value is None:
        raise InvalidRequest("refresh_token is missing", clause="RFC 6749 6")
    token = await core.records.load("refresh", value, RefreshToken)
    if token is None or token.client_id != request.client.client_id or core.clock() >= token.expires_at:
        raise InvalidGrant("this refresh token is unknown, expired or another client's", clause="RFC 6749 6")
    if token.jkt is not None and token.jkt != request.jkt:
        raise InvalidGrant("this refresh token is bound to another DPoP key", clause="RFC 9449 5d")
    grant = await granted.find(core, token.grant_id)
    if grant is None:
        raise InvalidGrant("this grant was revoked")
    grant = granted.still_open_to(request.client, grant, core.config)
    scopes = narrow_scopes(parameters.get("scope"), grant.scopes)
    details = narrow(grant.authorization_details, parameters.get("authorization_details"))
    resource = choose_resource(
        core.config,
        asked=parameters.all("resource"),
        granted=grant.resources,
        scopes=scopes,
        details=details,
    )
    await use_proof(core, request.proof)
    # RFC 9700 2.2.2: a public client's token is bound to a key or rotated, whatever the configuration says.
    rotated = core.config.refresh_rotation or (request.client.auth_method == "none" and token.jkt is None)
    successor = await _rotate(core, value, token) if rotated else None
    body = await issue_access_token(
        core,
        client=request.client,
        resource=resource,
        scopes=scopes,
        details=details,
        jkt=request.jkt,
        grant=grant,
    )
    if successor is not None:
        body["refresh_token"] = successor
    return body


async def _rotate(core: Core, value: str, token: RefreshToken) -> str:
    """The successor of a refresh token. Raises InvalidGrant, and ends the grant, on reuse."""
    records, now = core.records, core.clock()
    successor = random_token(core.random_bytes)
    lives = token.expires_at - now
    await records.save("refresh", successor, token, lives)
    if await records.mark("refresh-used", value, lives, f"{digest(successor)} {now}"):
        return successor
    mark = await records.marked("refresh-used", value) or " 0"
    with reading("refresh-used"):
        first, used_at = mark.split(" ")
        forgivable = now - float(used_at) <= RETRY_WINDOW
    # The first successor is marked as used by this retry; had its owner used it, the mark would be there.
    if (
        forgivable
        and await records.mark("refresh-forgiven", value, lives)
        and await records.store.aadd(records.key_of_digest("refresh-used", first), b"superseded 0", lives)
    ):
        return successor
    await records.remove("grant", token.grant_id)
    raise InvalidGrant("this refresh token was used before: the grant is revoked", clause="RFC 9700 4.14.2")
