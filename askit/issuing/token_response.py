"""The tokens of a user's grant, when it is redeemed for the first time: access token, refresh token, ID token.

They are made first. Then one trip to the store marks what is redeemed as used, and keeps the tokens. Nothing is kept if
a mark was there already.

Spec: RFC 6749 5.1; OIDC 3.1.3.3
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.config.values import Resource
from askit.core import Core
from askit.grants.token_request import TokenRequest
from askit.issuing.id_token import make_id_token
from askit.issuing.refresh_tokens import issue_refresh_token
from askit.issuing.tokens import issue_access_token
from askit.record_store import Step
from askit.records import Grant
from askit.requests.authorization_details import Details
from askit.requests.dpop import use_proof
from askit.users import grants as user_grants


async def issue_tokens(
    core: Core,
    *,
    request: TokenRequest,
    grant: Grant,
    resource: Resource | None,
    details: Details,
    nonce: str | None = None,
    mark: Step[bool],
    auth_req_id: str | None = None,
) -> dict[str, Any] | None:
    """The token response body: a refresh token if the client has that grant, an ID token with `openid`.

    `mark`: marks what is redeemed as used, after the proof of the request. Returns None if it was marked before.
    `auth_req_id`: of a push, whose ID token has it. Raises ReplayedProof, StoreError.
    """
    client, later = request.client, list[Step[None]]()
    body = await issue_access_token(
        core,
        client=client,
        resource=resource,
        scopes=grant.scopes,
        details=details,
        bound_to=request.bound_to,
        grant=grant,
        later=later,
    )
    if "refresh_token" in client.grant_types:
        body["refresh_token"] = await issue_refresh_token(core, client, grant, request.bound_to, later=later)
    if grant.managed:
        body["grant_id"] = grant.grant_id
    if "openid" in grant.scopes:
        body["id_token"] = await make_id_token(
            core,
            client=client,
            grant=grant,
            nonce=nonce,
            access_token=body["access_token"],
            refresh_token=body.get("refresh_token"),
            auth_req_id=auth_req_id,
        )
    used = user_grants.noting_first_use(core, grant, core.owners(client, grant.username))
    is_first, *_ = await use_proof(core, request.proof, client, mark, used, *later)
    return body if is_first else None
