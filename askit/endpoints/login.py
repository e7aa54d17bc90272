"""Handles the login form: creates a session, and the request continues.

Spec: FAPI1-BL 5.2.2-11; RFC 9700 4.12; OIDC 3.1.2.3
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.endpoints.authorize import page_of
from askit.errors import InvalidRequest, StaleForm
from askit.messages import read_form, see_other
from askit.records import digest
from askit.requests.client_address import client_address
from askit.requests.request_uris import load_opened_request
from askit.users.consent import login_page
from askit.users.logout import end_session
from askit.users.sessions import form_token, read_browser, require_form_token, set_cookie, sign_in
from fapikit.parameters import Parameters

OWN_PAGES = "grants"
"""The purpose of a login form for this server's own pages instead of a client's request."""


async def login(core: Core, request: Request) -> Response:
    """303 back to the request (or to the grants page). Raises StaleForm, TooManyAttempts, InvalidRequestUri."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    request_uri = form.get("request_uri", "")
    try:
        await require_form_token(core, browser, request_uri or OWN_PAGES, form)
    except StaleForm:
        if browser.session is None:
            raise
        # Sent twice, or from another tab: this browser has signed in meanwhile and continues. This signs nobody in.
        return see_other(await _way_on(core, form))
    address = client_address(request, core.config.trusted_proxies)
    username = form.get("username", "")
    user = await core.users.check_password(username, form.get("password", ""), address=address)
    if user is not None and browser.session is not None and browser.session.username != user.username:
        await end_session(core, browser)  # another user's session
    if not request_uri:
        if user is None:
            return await own_login_page(core, request, wrong=True)
        browser = await sign_in(core, browser, user, fresh_for="")
        return set_cookie(core, see_other(core.endpoint("grants")), browser)
    client = await core.clients.find(form.get("client_id", ""))
    if client is None:
        raise InvalidRequest("client_id is missing or unknown")
    opened = await load_opened_request(core, request_uri, client)
    if user is None:
        return await login_page(core, opened, client, browser, wrong=True, username=username)
    browser = await sign_in(core, browser, user, fresh_for=digest(opened.request_id))
    return set_cookie(core, see_other(page_of(core, opened.uri, client)), browser)


async def _way_on(core: Core, form: Parameters) -> str:
    """The URL at which this form's request continues. Raises InvalidRequest, InvalidRequestUri."""
    if not form.get("request_uri"):
        return core.endpoint("grants")
    client = await core.clients.find(form.get("client_id", ""))
    if client is None:
        raise InvalidRequest("client_id is missing or unknown")
    opened = await load_opened_request(core, form["request_uri"], client)
    return page_of(core, opened.uri, client)


async def own_login_page(core: Core, request: Request, *, wrong: bool = False) -> Response:
    browser = await read_browser(core, request)
    page = core.pages.login(
        client_name=None,
        csrf=await form_token(core, browser, OWN_PAGES),
        client_id="",
        request_uri="",
        username="",
        wrong=wrong,
        leads_to=None,
    )
    return set_cookie(core, page, browser)
