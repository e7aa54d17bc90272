"""Redeems a waiting request: exactly one of many polls gets the tokens, with the key that the request was made with.

A second redemption is refused. Some time after the first one it also ends the grant, as the reuse of a code does: only
a client whose answer was lost, or one that polls twice at once, asks again soon.

Spec: RFC 8628 3.4, 3.5; RFC 9449 10; RFC 8705 3; RFC 9700 4.2.4
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from askit.core import Core
from askit.decoupled.polling import PolledGrant, PolledRequest, answer_without_grant, read_poll
from askit.decoupled.waiting import remembered_for
from askit.errors import InvalidGrant, LapsedRequest
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource
from askit.issuing.token_response import issue_tokens
from askit.record_fields import reading
from askit.record_store import Step
from askit.records import DecidedRequest, Owners
from askit.requests.authorization_details import narrow
from askit.users import grants as user_grants

RETRY_WINDOW: Final = 60.0
"""Seconds after its redemption during which a further one only fails."""


async def redeem(core: Core, request: TokenRequest, kind: PolledGrant) -> dict[str, Any]:
    """The token response body.

    Raises AuthorizationPending, SlowDown, AccessDenied, LapsedRequest; InvalidRequest, InvalidGrant, InvalidTarget.
    """
    client, parameters = request.client, request.parameters
    polled = await read_poll(core, client, parameters, kind)
    _require_same_key(polled, request)
    uri, decided = polled.uri, polled.granted
    if decided is None:
        raise await answer_without_grant(core, polled, client, request.proof)
    if polled.redeemed is not None:
        raise await _reused(core, polled, decided)
    if core.clock() >= decided.expires_at:
        raise LapsedRequest(
            "the user approved, but the tokens were not fetched in time", clause=kind.error_clause
        )
    grant = await user_grants.find(core, decided.grant_id)
    if grant is None:
        raise InvalidGrant(f"the grant of this {kind.parameter} was revoked", clause=kind.error_clause)
    user_grants.require_version(grant, decided.grant_version)
    grant = user_grants.still_open_to(client, grant, core.config)
    details = narrow(grant.authorization_details, parameters.get("authorization_details"))
    resource = choose_resource(
        core.config,
        asked=parameters.all("resource"),
        granted=grant.resources,
        scopes=grant.scopes,
        details=details,
    )
    body = await issue_tokens(
        core,
        request=request,
        grant=grant,
        resource=resource,
        details=details,
        mark=marking_redeemed(core, uri, decided.expires_at, core.owners(client, grant.username)),
    )
    if body is None:
        raise await _reused(core, polled, decided)
    return body


def marking_redeemed(core: Core, uri: str, until: float, owners: Owners) -> Step[bool]:
    """The mark that exactly one of all that would issue the tokens of a request makes. `until`: the end of it."""
    lives = remembered_for(core, until)
    return core.records.marking("request-redeemed", uri, lives, str(core.clock()), owners=owners)


def _require_same_key(polled: PolledRequest, request: TokenRequest) -> None:
    """Raise InvalidGrant unless the poll shows the key and the certificate that the request was made with."""
    waiting, secret = polled.request, polled.kind.parameter
    if waiting.dpop_jkt is not None and request.bound_to.jkt != waiting.dpop_jkt:
        raise InvalidGrant(f"this {secret} is bound to another DPoP key", clause="RFC 9449 10")
    if waiting.x5t is not None and request.bound_to.x5t != waiting.x5t:
        raise InvalidGrant(f"this {secret} is bound to another certificate", clause="RFC 8705 3")


async def _reused(core: Core, polled: PolledRequest, decided: DecidedRequest) -> InvalidGrant:
    """The error. Late reuse also ends the grant."""
    used = f"this {polled.kind.parameter} was used before"
    first = await core.records.marked("request-redeemed", polled.uri)
    with reading("request-redeemed"):
        late = core.clock() - float(first or core.clock()) > RETRY_WINDOW
    if not late:
        return InvalidGrant(used, clause=polled.kind.error_clause)
    await user_grants.revoke(core, decided.grant_id)
    return InvalidGrant(f"{used}: all its tokens are revoked", clause="RFC 9700 4.2.4")
