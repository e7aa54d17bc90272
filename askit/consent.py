"""What an authorization request still needs (a sign-in, a decision), and what follows from the decision.

The request URI is marked as used when the user decides, not when a page is loaded: a reload or a link preview
costs nothing, and of two decisions one counts.

Spec: FAPI2-SP 5.3.2.2-13, 5.3.2.2 N3; OIDC 3.1.2.3, 3.1.2.4; RFC 9126 4b; RFC 9470 5; FAPI1-BL 5.2.2-12
Role: AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from askit import granted, logout
from askit.authorization_details import enrich
from askit.authorization_request import INTERACTION
from askit.clients import Client
from askit.errors import (
    AccessDenied,
    ConsentRequired,
    InvalidRequestUri,
    LoginRequired,
    Refused,
    UnmetAuthentication,
)
from askit.id_token import claims_by_name
from askit.records import Code, Grant, PushedRequest, Session, digest
from askit.response_modes import authorization_response
from askit.sessions import Browser, form_token, set_cookie
from askit.wire_errors import code_of, describe
from fapikit.secrets import random_token

if TYPE_CHECKING:
    from askit.server import AuthorizationServer


async def continue_request(
    server: AuthorizationServer, request_uri: str, request: PushedRequest, client: Client, browser: Browser
) -> Response:
    """The next page, or the response to the client."""
    try:
        _require_reachable_acr(server, request)
        if server.config.auto_approve is not None:
            session = _automatic_session(server)
            return await approve(server, request_uri, request, client, session)
        if browser.session is None or needs_login(server, request_uri, request, browser.session):
            if "none" in request.prompt:
                raise LoginRequired("nobody is signed in, or not recently enough")
            return await login_page(server, request_uri, request, client, browser)
        if "none" in request.prompt:
            if not await granted.agreed_before(server, browser.session.username, request, client):
                raise ConsentRequired("the user has not agreed to this before")
            return await approve(server, request_uri, request, client, browser.session)
        _require_meant_user(server, request, browser.session)
    except Refused as error:
        if isinstance(error, InvalidRequestUri):
            raise
        return await refuse(server, request, client, error)
    return await consent_page(server, request_uri, request, client, browser)


async def login_page(
    server: AuthorizationServer,
    request_uri: str,
    request: PushedRequest,
    client: Client,
    browser: Browser,
    *,
    wrong: bool = False,
    username: str | None = None,
) -> Response:
    """The login form; `username` is what was typed before, if it was `wrong`."""
    page = server.pages.login(
        client_name=client.name,
        csrf=await form_token(server, browser, request_uri),
        client_id=client.client_id,
        request_uri=request_uri,
        username=username or request.login_hint or "",
        wrong=wrong,
        leads_to=request.redirect_uri,
    )
    return set_cookie(server, page, browser)


async def consent_page(
    server: AuthorizationServer, request_uri: str, request: PushedRequest, client: Client, browser: Browser
) -> Response:
    """Who asks, for whom, for what: client, user, each payment with payee and amount, each scope in words."""
    assert browser.session is not None  # noqa: S101 - for the type checker; continue_request has seen to it
    user = server.users.find(browser.session.username)
    page = server.pages.consent(
        client=client,
        user=user,
        scopes=[server.config.describe_scope(scope) for scope in request.scopes],
        details=[
            (detail, server.config.details_type(str(detail["type"])))
            for detail in request.authorization_details
        ],
        claims=claims_by_name(request.claims) & (user.claims.keys() if user else set()),
        csrf=await form_token(server, browser, request_uri),
        request_uri=request_uri,
        leads_to=request.redirect_uri,
    )
    return set_cookie(server, page, browser)


async def approve(
    server: AuthorizationServer,
    request_uri: str,
    request: PushedRequest,
    client: Client,
    session: Session,
) -> Response:
    """One decision, one grant, one code. Raises InvalidRequestUri if it was decided already, LoginRequired."""
    _require_meant_user(server, request, session)
    await use_up(server, request_uri)
    user = server.users.find(session.username)
    if user is None:
        raise AccessDenied("this user cannot sign in any more")
    now = server.clock()
    grant = Grant(
        grant_id=random_token(server.random_bytes),
        client_id=client.client_id,
        username=user.username,
        sub=user.sub,
        scopes=request.scopes,
        resources=request.resources,
        authorization_details=enrich(request.authorization_details, server.config, server.random_bytes),
        created_at=now,
        expires_at=now + server.config.grant_lifetime,
        auth_time=session.auth_time,
        acr=session.acr,
        claims=request.claims,
        session_id=session.session_id,
    )
    if "openid" in request.scopes:
        await logout.remember(server, session, client)
    await granted.remember(server, grant)
    value = random_token(server.random_bytes)
    code = Code(
        client_id=client.client_id,
        grant_id=grant.grant_id,
        redirect_uri=request.redirect_uri,
        expires_at=now + server.profile.code_lifetime,
        code_challenge=request.code_challenge,
        dpop_jkt=request.dpop_jkt,
        nonce=request.nonce,
    )
    # The record outlives the code, so that a late reuse is known for one and ends the grant.
    await server.records.save("code", value, code, server.config.grant_lifetime)
    return await authorization_response(server, request, client, {"code": value})


async def deny(
    server: AuthorizationServer, request_uri: str, request: PushedRequest, client: Client
) -> Response:
    """Raises InvalidRequestUri if this request was decided already."""
    await use_up(server, request_uri)
    return await refuse(server, request, client, AccessDenied("the user said no"))


async def refuse(
    server: AuthorizationServer, request: PushedRequest, client: Client, error: Refused
) -> Response:
    """The error, as an authorization response."""
    members = {"error": code_of(error), "error_description": describe(error)}
    return await authorization_response(server, request, client, members)


async def use_up(server: AuthorizationServer, request_uri: str) -> None:
    """Of many decisions on one request, one counts. Raises InvalidRequestUri for the others."""
    lives = server.profile.par_lifetime + 2 * INTERACTION  # longer than the request itself
    if not await server.records.mark("request-used", request_uri, lives):
        raise InvalidRequestUri(
            "this request was answered before: start again at the application", clause="FAPI2-SP 5.3.2.2 N3"
        )


def needs_login(
    server: AuthorizationServer, request_uri: str, request: PushedRequest, session: Session
) -> bool:
    """Whether the user must sign in (again) for this request; a sign-in made for it counts."""
    if session.fresh_for == digest(request_uri):
        return False
    if {"login", "select_account"} & set(request.prompt) or request.max_age == 0:
        return True
    if not _is_meant_user(server, request, session):
        return True
    return request.max_age is not None and server.clock() - session.auth_time > request.max_age


def _is_meant_user(server: AuthorizationServer, request: PushedRequest, session: Session) -> bool:
    user = server.users.find(session.username)
    return not request.subjects or (user is not None and user.sub in request.subjects)


def _require_meant_user(server: AuthorizationServer, request: PushedRequest, session: Session) -> None:
    """Raise LoginRequired if the request is for another user than the one who signed in."""
    if not _is_meant_user(server, request, session):
        raise LoginRequired("another user is signed in than the one asked for", clause="OIDC 3.1.2.2")


def _require_reachable_acr(server: AuthorizationServer, request: PushedRequest) -> None:
    """A requested `acr` counts as required (RFC 9470 5)."""
    wanted = set(request.acr_values)
    asked = (request.claims.get("id_token") or {}).get("acr")
    if isinstance(asked, dict) and asked.get("essential") is True:
        values = asked.get("values")
        listed = values if isinstance(values, list) else []
        wanted |= {str(value) for value in (asked.get("value"), *listed) if value}
    if wanted and server.config.acr not in wanted:
        raise UnmetAuthentication("this server cannot authenticate the user at a requested acr")


def _automatic_session(server: AuthorizationServer) -> Session:
    now = server.clock()
    return Session(
        username=str(server.config.auto_approve),
        auth_time=int(now),
        acr=server.config.acr,
        expires_at=now + 1,
    )
