"""How a decision reaches a CIBA client that does not only poll: ping tells it to fetch the tokens, push sends them.

It comes after the decision is stored. So whatever fails here, a ping client can poll. A push client has no other way:
if its tokens cannot be made, it is told `transaction_failed`. Nothing is sent when a request expires. What the process
that stored the decision could not tell, `deliver_anew` tells.

Spec: CIBA 5, 10.2a, 10.2c, 10.3.1a, 10.3.1b, 12
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.core import Core
from askit.decoupled.notification import notify
from askit.decoupled.redeeming import marking_redeemed
from askit.decoupled.waiting import remembered_for
from askit.errors import AccessDenied, InvalidGrant
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource
from askit.issuing.confirmation import Confirmation
from askit.issuing.token_response import issue_tokens
from askit.records import DecidedRequest, Grant, Notice, WaitingRequest
from askit.requests.request_uris import OpenedRequest
from askit.users import grants as user_grants
from askit.wire_errors import describe
from fapikit.errors import FapiError, StoreError
from fapikit.parameters import Parameters
from fapikit.secrets import Secret

_FAILED: Final = {"error": "transaction_failed", "error_description": "the tokens could not be issued"}


async def keep_notice(
    core: Core, uri: str, request: WaitingRequest, client: Client, *, auth_req_id: str, token: Secret
) -> None:
    """Keep what the client is told of, and with which token, until its request is forgotten. Raises StoreError."""
    notice = Notice(auth_req_id=auth_req_id, token=token.reveal())
    await core.records.save("notice", uri, notice, remembered_for(core, request.expires_at), client.owners)


async def note_due(core: Core, opened: OpenedRequest, client: Client) -> None:
    """Note, before the decision is stored, that the client is to be told. Raises StoreError."""
    request = opened.request
    if isinstance(request, WaitingRequest) and _is_told(client, request):
        until = core.clock() + remembered_for(core, request.expires_at)
        await core.due_notices.add(client.client_id, opened.uri, until)


async def deliver_grant(core: Core, opened: OpenedRequest, client: Client, grant: Grant) -> None:
    """Tell a client that its user has approved. It raises nothing: the user has decided, whatever happens here."""
    request = opened.request
    if not isinstance(request, WaitingRequest) or not _is_told(client, request):
        return
    if request.delivery_mode == "push":
        await _push(core, opened.uri, request, client, grant)
    else:
        await _tell(core, opened.uri, client, {})


async def deliver_refusal(core: Core, opened: OpenedRequest, client: Client) -> None:
    """Tell a client that its user has refused. It raises nothing."""
    request = opened.request
    if isinstance(request, WaitingRequest) and _is_told(client, request):
        await _tell_refusal(core, opened.uri, request, client)


async def deliver_anew(core: Core, uri: str) -> bool:
    """Tell a client of a request whose notice is overdue. Returns whether nothing is to be told of it any more.

    Tokens that were issued before are not known here. Whether the client got them is not known either, so they end:
    the mark of their issue lets nobody issue others.
    Raises StoreError.
    """
    records = core.records
    request, notice, decision, granted, redeemed = await records.together(
        records.loading("request", uri, WaitingRequest),
        records.loading("notice", uri, Notice),
        records.reading_mark("request-used", uri),
        records.loading("request-granted", uri, DecidedRequest),
        records.reading_mark("request-redeemed", uri),
    )
    if request is None or notice is None:  # the client has heard, or it is too late
        return True
    client = await core.clients.find(request.client_id)
    if client is None or not _is_told(client, request):
        return True
    if decision is None:  # it may be just being stored
        return False
    word, _, grant_id = decision.partition(" ")
    if word != "granted":
        await _tell_refusal(core, uri, request, client)
    elif request.delivery_mode == "push":
        await _push_anew(core, uri, request, client, grant_id, granted)
    elif granted is None or redeemed is not None:  # there is nothing to fetch
        return True
    else:
        await _tell(core, uri, client, {})
    return False


async def _push_anew(
    core: Core,
    uri: str,
    request: WaitingRequest,
    client: Client,
    grant_id: str,
    granted: DecidedRequest | None,
) -> None:
    """`granted`: None if a process died before the grant was stored, or a part of it."""
    if granted is None:
        # What such a request was to change is a grant that stood before it.
        await _fail(core, uri, request, client, grant_id if request.grant_id is None else None)
        return
    grant = await user_grants.find(core, granted.grant_id)
    if (
        grant is None or grant.version != granted.grant_version
    ):  # it was revoked, or changed by a later decision
        await _fail(core, uri, request, client, None)
    else:
        await _push(core, uri, request, client, grant)


async def _push(core: Core, uri: str, request: WaitingRequest, client: Client, grant: Grant) -> None:
    try:
        message = await _tokens(core, uri, request, client, grant)
    except FapiError as error:
        core.log.warning("no tokens were made to be pushed to %s: %s", client.client_id, error)
        await _fail(core, uri, request, client, grant.grant_id)
    else:
        await _tell(core, uri, client, message)


async def _fail(core: Core, uri: str, request: WaitingRequest, client: Client, grant_id: str | None) -> None:
    """End a transaction, and tell its client. It leaves no grant, nor a token that was stored before it failed.

    The mark comes first, so nobody issues tokens after this. If the store fails, the client is told later.
    """
    try:
        await core.records.do(marking_redeemed(core, uri, request.expires_at, client.owners))
        if grant_id is not None:
            await user_grants.revoke(core, grant_id)
    except StoreError as error:
        core.log.warning("a failed push could not be ended, and is tried again: %s", error)
        return
    await _tell(core, uri, client, _FAILED)


async def _tell_refusal(core: Core, uri: str, request: WaitingRequest, client: Client) -> None:
    told = describe(AccessDenied("the user refused", clause="CIBA 12"))
    refused = {"error": AccessDenied.code, "error_description": told}
    await _tell(core, uri, client, refused if request.delivery_mode == "push" else {})


def _is_told(client: Client, request: WaitingRequest) -> bool:
    """Whether the client is told of a decision. One that registers for polls meanwhile has no endpoint any more."""
    return request.delivery_mode != "poll" and client.delivery_mode != "poll"


async def _tell(core: Core, uri: str, client: Client, message: Mapping[str, Any]) -> None:
    try:
        notice = await core.records.load("notice", uri, Notice)
        if notice is not None:
            whole = core.notification_body({"auth_req_id": notice.auth_req_id, **message})
            await notify(core, uri, client, Secret(notice.token), whole)
    except FapiError as error:
        core.log.warning("%s is not told of a decision: %s", client.client_id, error)


async def _tokens(
    core: Core, uri: str, request: WaitingRequest, client: Client, grant: Grant
) -> dict[str, Any]:
    """The token response of a push, bound to the key that the request was made with. Raises FapiError."""
    notice = await core.records.load("notice", uri, Notice)
    if notice is None:
        raise InvalidGrant("what this request is to be told with is no longer known", clause="CIBA 10.3.1a")
    grant = user_grants.still_open_to(client, grant, core.config)
    resource = choose_resource(
        core.config,
        asked=(),
        granted=tuple(uri for uri in request.resources if core.config.can_reach(client, uri)),
        # Of this request, because a merged grant may reach further APIs.
        scopes=tuple(scope for scope in grant.scopes if scope in request.scopes),
        details=request.authorization_details,
    )
    # Not by a request of the client: what it is bound to was shown when the request was made.
    bound_to = Confirmation(request.dpop_jkt, request.x5t)
    body = await issue_tokens(
        core,
        request=TokenRequest(client, Parameters(()), None, bound_to),
        grant=grant,
        resource=resource,
        details=grant.authorization_details,
        mark=marking_redeemed(core, uri, request.expires_at, core.owners(client, grant.username)),
        auth_req_id=notice.auth_req_id,
    )
    if body is None:
        raise InvalidGrant("the tokens of this request were issued before", clause="CIBA 10.3.1a")
    return body
