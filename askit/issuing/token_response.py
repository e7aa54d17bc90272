"""The tokens of a user's grant, when it is redeemed for the first time: access token, refresh token, ID token.

Spec: RFC 6749 5.1; OIDC 3.1.3.3
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.clients.client import Client
from askit.config.values import Resource
from askit.core import Core
from askit.issuing.confirmation import Confirmation
from askit.issuing.id_token import make_id_token
from askit.issuing.refresh_tokens import issue_refresh_token
from askit.issuing.tokens import issue_access_token
from askit.records import Grant
from askit.requests.authorization_details import Details


async def issue_tokens(
    core: Core,
    *,
    client: Client,
    grant: Grant,
    resource: Resource | None,
    details: Details,
    bound_to: Confirmation,
    nonce: str | None = None,
) -> dict[str, Any]:
    """The token response body: a refresh token if the client has that grant, an ID token with `openid`."""
    body = await issue_access_token(
        core,
        client=client,
        resource=resource,
        scopes=grant.scopes,
        details=details,
        bound_to=bound_to,
        grant=grant,
    )
    if "refresh_token" in client.grant_types:
        body["refresh_token"] = await issue_refresh_token(core, client, grant, bound_to)
    if "openid" in grant.scopes:
        body["id_token"] = await make_id_token(
            core, client=client, grant=grant, nonce=nonce, access_token=body["access_token"]
        )
    return body
