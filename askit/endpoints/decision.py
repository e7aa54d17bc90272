"""Handles the consent form.

Spec: FAPI2-SP 5.3.2.2-13, 5.3.2.2 N3; FAPI1-BL 5.2.2-12
Role: AS
"""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.errors import InvalidRequest
from askit.messages import read_form
from askit.requests.known_client import named_client
from askit.requests.request_uris import load_opened_request
from askit.users.consent import approve, continue_request, deny, needs_login
from askit.users.levels import needs_step_up
from askit.users.logout import end_session
from askit.users.sessions import read_browser, require_form_token


async def decision(core: Core, request: Request) -> Response:
    """303 to the client; the login form if another user is signed in. Raises StaleForm, InvalidRequestUri."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    request_uri = form.get("request_uri", "")
    await require_form_token(core, browser, request_uri, form)
    client = await named_client(core, request, form)
    opened = await load_opened_request(core, request_uri, client)
    # A login page has the same hidden fields as this form, so check again that the user may decide.
    if (
        browser.session is None
        or needs_login(core, opened, browser.session)
        or needs_step_up(core, opened.request, browser.session)
    ):
        return await continue_request(core, opened, client, browser)
    match form.get("decision"):
        case "approve":
            return await approve(core, opened, client, browser.session)
        case "deny":
            return await deny(core, opened, client, browser.session)
        case "switch":
            await end_session(core, browser)
            nobody = replace(browser, session=None)
            return await continue_request(core, opened, client, nobody)
    raise InvalidRequest("decision must be approve, deny or switch")
