"""What an authorization request still needs (a sign-in, a decision), and the response after the decision.

The request URI is marked as used when the user decides, not when a page is loaded. So a reload or a link preview uses
nothing up, and of two decisions one counts. A decision goes back to the client through the browser. Where nobody is
redirected (`askit.decoupled`), it is kept for the client's next poll, and the user sees a last page.

Spec: FAPI2-SP 5.3.2.2-13, 5.3.2.2 N3; OIDC 3.1.2.3, 3.1.2.4; RFC 9126 4b; RFC 9470 5; FAPI1-BL 5.2.2-12, 5.2.2.1-3
Role: AS
"""

from __future__ import annotations

from starlette.responses import Response

from askit.clients.client import Client
from askit.core import Core
from askit.decoupled import decisions
from askit.errors import (
    AccessDenied,
    ConsentRequired,
    IntentRefused,
    InvalidAuthorizationDetails,
    InvalidGrantId,
    InvalidRequestUri,
    LoginRequired,
    Refused,
)
from askit.intents.named import find_awaiting, rejecting, require_grantable
from askit.issuing.authorization_response import authorization_response
from askit.issuing.id_token import make_detached_signature
from askit.record_store import Step
from askit.records import AuthorizationRequest, Code, Grant, PushedRequest, Session, WaitingRequest, digest
from askit.requests.request_uris import OpenedRequest, use_up
from askit.requests.response_type import HYBRID
from askit.users import grants as user_grants
from askit.users import managed_grants
from askit.users.granting import automatic_session, is_requested_user, make_grant, require_requested_user
from askit.users.levels import needed_level, needs_step_up
from askit.users.managed_grants import ManagedGrant
from askit.users.sessions import Browser, form_token, set_cookie
from askit.wire_errors import code_of, describe, log_refusal
from fapikit.clauses import cite_what_is_in_force
from fapikit.secrets import random_token


async def continue_request(core: Core, opened: OpenedRequest, client: Client, browser: Browser) -> Response:
    """The next page, or the response to the client."""
    request = opened.request
    try:
        needed_level(core, request, None)
        await find_awaiting(core, request, client)
        if core.config.auto_approve is not None:
            session = automatic_session(core, request)
            return await approve(core, opened, client, session)
        if browser.session is None or needs_login(core, opened, browser.session):
            if "none" in request.prompt:
                raise LoginRequired("nobody is signed in, or the sign-in is too old")
            return await login_page(core, opened, client, browser)
        if needs_step_up(core, request, browser.session):
            if "none" in request.prompt:
                raise LoginRequired("the user's acr is lower than the request requires")
            return await step_up_page(core, opened, client, browser)
        if "none" in request.prompt:
            if not await user_grants.agreed_before(core, browser.session.username, request, client):
                raise ConsentRequired("the user has not agreed to this before")
            return await approve(core, opened, client, browser.session)
        require_requested_user(core, request, browser.session)
        user = core.users.find(browser.session.username)
        await require_grantable(core, request, client, user)
        managed = await managed_grants.read(core, request, client, user)
    except Refused as error:
        if isinstance(error, InvalidRequestUri) or not isinstance(request, PushedRequest):
            raise
        return await refuse(core, request, client, error)
    return await consent_page(core, opened, client, browser, managed)


async def login_page(
    core: Core,
    opened: OpenedRequest,
    client: Client,
    browser: Browser,
    *,
    wrong: bool = False,
    username: str | None = None,
) -> Response:
    """The login form. `username`: what was entered before, if it was `wrong`."""
    request = opened.request
    page = core.pages.login(
        client_name=client.name,
        csrf=await form_token(core, browser, opened.uri),
        client_id=client.client_id,
        request_uri=opened.uri,
        username=username or request.login_hint or "",
        wrong=wrong,
        leads_to=_leads_to(request),
    )
    return set_cookie(core, page, browser)


async def step_up_page(
    core: Core, opened: OpenedRequest, client: Client, browser: Browser, *, wrong: bool = False
) -> Response:
    """The PIN form for the signed-in user."""
    assert browser.session is not None  # noqa: S101 - for the type checker; the callers have checked it
    page = core.pages.step_up(
        client=client,
        username=browser.session.username,
        csrf=await form_token(core, browser, opened.uri),
        request_uri=opened.uri,
        wrong=wrong,
        leads_to=_leads_to(opened.request),
    )
    return set_cookie(core, page, browser)


async def consent_page(
    core: Core, opened: OpenedRequest, client: Client, browser: Browser, managed: ManagedGrant | None
) -> Response:
    """Shows the client, the user, each payment with payee and amount, each scope in words, and the grant it changes."""
    assert browser.session is not None  # noqa: S101 - for the type checker; continue_request has checked it
    request = opened.request
    user = core.users.find(browser.session.username)
    page = core.pages.consent(
        client=client,
        user=user,
        request=request,
        config=core.config,
        until=managed_grants.ends_at(core, request, managed),
        changed=None if managed is None else managed.grant,
        before=await user_grants.latest_of(core, browser.session.username, client),
        csrf=await form_token(core, browser, opened.uri),
        request_uri=opened.uri,
        leads_to=_leads_to(request),
    )
    return set_cookie(core, page, browser)


async def approve(
    core: Core,
    opened: OpenedRequest,
    client: Client,
    session: Session,
) -> Response:
    """One decision gives one grant. Raises AnsweredBefore if it was decided already; else as `make_grant` does."""
    if isinstance(opened.request, PushedRequest):
        try:
            return await _send_code(core, opened, opened.request, client, session)
        except (InvalidGrantId, IntentRefused, InvalidAuthorizationDetails) as error:
            # Something has changed or ended while the page was open.
            return await refuse(core, opened.request, client, error)
    await decisions.approve(core, opened, client, session)
    return _decided(core, opened.request, client, approved=True)


async def deny(core: Core, opened: OpenedRequest, client: Client, session: Session | None) -> Response:
    """Raises AnsweredBefore if this request was decided already. `session`: that of the user, if one is signed in."""
    owners = client.owners if session is None else core.owners(client, session.username)
    if isinstance(opened.request, PushedRequest):
        await use_up(core, opened, owners, *(await rejecting(core, opened.request, client)))
        return await refuse(core, opened.request, client, AccessDenied("the user refused"))
    await decisions.deny(core, opened, client, owners)
    return _decided(core, opened.request, client, approved=False)


def _decided(core: Core, request: AuthorizationRequest, client: Client, *, approved: bool) -> Response:
    by_device = isinstance(request, WaitingRequest) and bool(request.user_code)
    return core.pages.decided(client_name=client.name, approved=approved, asked_here=not by_device)


async def _send_code(
    core: Core, opened: OpenedRequest, request: PushedRequest, client: Client, session: Session
) -> Response:
    value, owners = random_token(core.random_bytes), core.owners(client, session.username)

    def keep_code(grant: Grant) -> Step[None]:
        code = Code(
            client_id=client.client_id,
            grant_id=grant.grant_id,
            redirect_uri=request.redirect_uri,
            expires_at=core.clock() + core.profile.code_lifetime,
            code_challenge=request.code_challenge,
            dpop_jkt=request.dpop_jkt,
            nonce=request.nonce,
            grant_version=grant.version,
        )
        # The record is kept longer than the code is valid, so that a late reuse is recognised and ends the grant.
        return core.records.saving("code", value, code, core.config.grant_lifetime, owners)

    grant = await make_grant(core, opened, client, session, keep_code)
    members = {"code": value}
    if request.response_type == HYBRID:
        members["id_token"] = await make_detached_signature(
            core, client=client, grant=grant, nonce=request.nonce, code=value, state=request.state
        )
    return await authorization_response(core, request, client, members)


async def refuse(core: Core, request: PushedRequest, client: Client, error: Refused) -> Response:
    """Sends the error as an authorization response."""
    cite_what_is_in_force(error, core.profile_of(client))
    log_refusal(error, "an authorization request", core.log, {"client_id": client.client_id})
    members = {"error": code_of(error), "error_description": describe(error)}
    return await authorization_response(core, request, client, members)


def needs_login(core: Core, opened: OpenedRequest, session: Session) -> bool:
    """Whether the user must sign in (again) for this request. A sign-in that was made for it counts."""
    request = opened.request
    if session.acr not in core.config.acr_levels:
        return True  # the user, or the level, is not in this process's settings
    if session.fresh_for == digest(opened.request_id):
        return False
    if {"login", "select_account"} & set(request.prompt) or request.max_age == 0:
        return True
    if not is_requested_user(core, request, session):
        return True
    if request.max_age is None:
        return False
    age = core.clock() - session.auth_time
    # Another process's clock may be ahead. A time further in the future would satisfy every max_age.
    return not -core.profile.clock_skew <= age <= request.max_age


def _leads_to(request: AuthorizationRequest) -> str | None:
    """The URL to which the browser is redirected after the decision; None: it stays here."""
    return request.redirect_uri if isinstance(request, PushedRequest) else None
