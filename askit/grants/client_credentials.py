"""The client credentials grant: a client acts for itself. There is no user, so no refresh token and no ID token.

The scopes of grant management and of Shared Signals are for this server's own endpoints, and only in a token that is
for no API.

Spec: RFC 6749 4.4; RFC 9068 2.2; RFC 8707 2; GM 6.1
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.config.values import CLIENT_SCOPES, IDENTITY_SCOPES
from askit.core import Core
from askit.errors import InvalidAuthorizationDetails, InvalidScope, UnauthorizedClient
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource
from askit.issuing.tokens import issue_access_token
from askit.requests.authorization_details import Details, check_details, parse_details
from askit.requests.details_ends import require_ends
from askit.requests.dpop import use_proof


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises UnauthorizedClient, InvalidScope, InvalidTarget, InvalidAuthorizationDetails."""
    parameters = request.parameters
    if request.client.auth_method == "none":
        raise UnauthorizedClient("a public client cannot use client_credentials", clause="RFC 6749 4.4")
    scopes = tuple(dict.fromkeys(parameters.get("scope", "").split()))
    core.require_scopes(scopes, request.client)
    if set(scopes) & set(IDENTITY_SCOPES):
        raise InvalidScope(
            "openid needs a user, and the client credentials grant has none", clause="RFC 6749 4.4"
        )
    asked = parameters.all("resource")
    for uri in asked:
        core.require_resource(uri, request.client)
    details: Details = ()
    if "authorization_details" in parameters:
        details = check_details(
            parse_details(parameters["authorization_details"]), core.config, request.client
        )
        _require_no_consent(core, details)
        require_ends(details, core.config, now=core.clock(), latest=float("inf"))
    resource = choose_resource(core.config, asked=asked, granted=asked, scopes=scopes, details=details)
    if resource is None and not set(scopes) & set(CLIENT_SCOPES):
        raise InvalidScope("request a scope of an API, or name a resource", clause="RFC 6749 4.4.2")
    await use_proof(core, request.proof, request.client)
    return await issue_access_token(
        core,
        client=request.client,
        resource=resource,
        scopes=scopes,
        details=details,
        bound_to=request.bound_to,
        grant=None,
    )


def _require_no_consent(core: Core, details: Details) -> None:
    """Raise InvalidAuthorizationDetails for a `single_use` detail: it needs a user's consent, and there is no user."""
    for detail in details:
        known = core.config.details_type(str(detail["type"]))
        if known is not None and known.single_use:
            raise InvalidAuthorizationDetails(
                f"authorization_details of type {known.type} need a user's consent",
                facts={"type": known.type},
            )
