"""Handles the login form: creates a session, and the request continues.

Spec: FAPI1-BL 5.2.2-11; RFC 9700 4.12; OIDC 3.1.2.3
Role: AS
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.endpoints.authorize import page_of
from askit.errors import StaleForm
from askit.messages import read_form, see_other
from askit.records import digest
from askit.requests.client_address import client_address
from askit.requests.known_client import named_client
from askit.requests.request_uris import load_opened_request
from askit.users.consent import login_page
from askit.users.logout import end_session
from askit.users.sessions import form_token, read_browser, require_form_token, set_cookie, sign_in
from fapikit.parameters import Parameters

OWN_PAGES: Final = "grants"
"""The purpose of a form for this server's own pages instead of a client's request."""
_SIGNED_IN_FOR: Final = (OWN_PAGES, "authentication_device", "device")
"""The own pages that a sign-in can lead to. A login form names one in the place of a request."""


async def login(core: Core, request: Request) -> Response:
    """303 back to the request (or to the own page). Raises StaleForm, TooManyAttempts, InvalidRequestUri."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    request_uri = form.get("request_uri") or OWN_PAGES
    try:
        await require_form_token(core, browser, request_uri, form)
    except StaleForm:
        if browser.session is None:
            raise
        # Sent twice, or from another tab: this browser has signed in meanwhile and continues. This signs nobody in.
        return see_other(await _way_on(core, request, form))
    address = client_address(request, core.config.trusted_proxies)
    username = form.get("username", "")
    user = await core.users.check_password(username, form.get("password", ""), address=address)
    if user is not None and browser.session is not None and browser.session.username != user.username:
        await end_session(core, browser)  # another user's session
    if request_uri in _SIGNED_IN_FOR:
        if user is None:
            return await own_login_page(core, request, request_uri, wrong=True)
        browser = await sign_in(core, browser, user, fresh_for="")
        return set_cookie(core, see_other(core.endpoint(request_uri)), browser)
    client = await named_client(core, request, form)
    opened = await load_opened_request(core, request_uri, client)
    if user is None:
        return await login_page(core, opened, client, browser, wrong=True, username=username)
    browser = await sign_in(core, browser, user, fresh_for=digest(opened.request_id))
    return set_cookie(core, see_other(page_of(core, opened.uri, client)), browser)


async def _way_on(core: Core, request: Request, form: Parameters) -> str:
    """The URL at which this form's request continues. Raises InvalidRequest, InvalidRequestUri."""
    request_uri = form.get("request_uri") or OWN_PAGES
    if request_uri in _SIGNED_IN_FOR:
        return core.endpoint(request_uri)
    client = await named_client(core, request, form)
    opened = await load_opened_request(core, request_uri, client)
    return page_of(core, opened.uri, client)


async def own_login_page(core: Core, request: Request, own_page: str, *, wrong: bool = False) -> Response:
    """The login form for a page of this server."""
    browser = await read_browser(core, request)
    page = core.pages.login(
        client_name=None,
        csrf=await form_token(core, browser, own_page),
        client_id="",
        request_uri=own_page,
        username="",
        wrong=wrong,
        leads_to=None,
        own_page=own_page,
    )
    return set_cookie(core, page, browser)
