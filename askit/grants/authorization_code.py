"""The authorization code grant: a code is redeemed once, with the client, key and verifier that it was issued for.

The code is marked as used after all checks have passed, so a nonce challenge does not use it up. The tokens are kept
after that mark, in the same trip to the store. A second redemption by the same client ends the grant: the tokens of the
first one are then inactive, whichever came first.

Spec: RFC 6749 4.1.3, 10.5; RFC 7636 4.6; RFC 9449 10; RFC 9700 2.1.1c, 4.2.4; FAPI2-SP 5.3.2.1-11, 5.3.2.2-9
Spec: FAPI1-BL 5.2.2-13, 5.2.2.1-5
Role: AS
"""

from __future__ import annotations

from typing import Any

from askit.core import Core
from askit.errors import InvalidGrant, InvalidRequest
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource
from askit.issuing.token_response import issue_tokens
from askit.records import Code, Grant
from askit.requests.authorization_details import narrow
from askit.users import grants as user_grants
from fapikit import pkce


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises InvalidGrant, InvalidRequest, InvalidTarget."""
    client, parameters = request.client, request.parameters
    value = parameters.get("code")
    if value is None:
        raise InvalidRequest("code is missing", clause="RFC 6749 4.1.3")
    code, used = await core.records.together(
        core.records.loading("code", value, Code), core.records.reading_mark("code-used", value)
    )
    if code is None or code.client_id != client.client_id:
        raise InvalidGrant("this code is unknown, or was issued to another client", clause="RFC 6749 4.1.3")
    if used is not None:
        raise await _reused(core, code)
    grant = user_grants.still_open_to(client, await _check_code(core, code, request), core.config)
    details = narrow(grant.authorization_details, parameters.get("authorization_details"))
    resource = choose_resource(
        core.config,
        asked=parameters.all("resource"),
        granted=grant.resources,
        scopes=grant.scopes,
        details=details,
    )
    owners = core.owners(client, grant.username)
    body = await issue_tokens(
        core,
        request=request,
        grant=grant,
        resource=resource,
        details=details,
        nonce=code.nonce,
        mark=core.records.marking("code-used", value, core.config.grant_lifetime, owners=owners),
    )
    if body is None:
        raise await _reused(core, code)
    return body


async def _check_code(core: Core, code: Code, request: TokenRequest) -> Grant:
    parameters = request.parameters
    if core.clock() >= code.expires_at:
        raise InvalidGrant("this code has expired", clause=core.profile.clause("code_lifetime"))
    redirect_uri = parameters.get("redirect_uri")
    # RFC 6749 4.1.3 requires it. OAuth 2.1 has removed it, because PKCE replaces it. It is compared if it is sent.
    if redirect_uri is not None and redirect_uri != code.redirect_uri:
        raise InvalidGrant(
            "redirect_uri differs from that of the authorization request", clause="RFC 6749 4.1.3"
        )
    verifier = parameters.get("code_verifier")
    _require_both_or_none(verifier, code.code_challenge)
    if code.code_challenge is not None and not pkce.verifier_matches(verifier or "", code.code_challenge):
        raise InvalidGrant("code_verifier does not match the code_challenge", clause="RFC 7636 4.6")
    if code.dpop_jkt is not None and request.bound_to.jkt != code.dpop_jkt:
        raise InvalidGrant("this code is bound to another DPoP key", clause="RFC 9449 10")
    grant = await user_grants.find(core, code.grant_id)
    if grant is None:
        raise InvalidGrant("the grant of this code was revoked")
    user_grants.require_version(grant, code.grant_version)
    return grant


def _require_both_or_none(verifier: str | None, challenge: str | None) -> None:
    """Without this, whoever removes the challenge from a request removes PKCE (RFC 9700 4.8)."""
    if (verifier is None) != (challenge is None):
        raise InvalidGrant(
            "code_verifier and code_challenge must be sent both or not at all", clause="RFC 9700 2.1.1c"
        )


async def _reused(core: Core, code: Code) -> InvalidGrant:
    """End the grant. The returned error gives the reason."""
    await user_grants.revoke(core, code.grant_id)
    return InvalidGrant("this code was used before: all its tokens are revoked", clause="FAPI2-SP 5.3.2.2-9")
