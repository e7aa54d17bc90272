"""Handles the PIN form: the session reaches the higher level, and the request continues.

Spec: RFC 9470 5; RFC 9700 4.12
Role: AS
"""

from __future__ import annotations

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
from askit.users.consent import continue_request, needs_login, step_up_page
from askit.users.levels import needs_step_up
from askit.users.sessions import raise_level, read_browser, require_form_token, set_cookie


async def step_up(core: Core, request: Request) -> Response:
    """303 back to the request. Raises StaleForm, TooManyAttempts, InvalidRequestUri, InvalidRequest."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    client = await named_client(core, request, form)
    opened = await load_opened_request(core, form.get("request_uri", ""), client)
    try:
        await require_form_token(core, browser, opened.uri, form)
    except StaleForm:
        if browser.session is None:
            raise
        # Sent twice, or from another tab: this browser continues with the level it has. This raises no level.
        return see_other(page_of(core, opened.uri, client))
    session = browser.session
    # A login page has the same hidden fields as this form, so check that the password came first.
    if (
        session is None
        or needs_login(core, opened, session)
        or not needs_step_up(core, opened.request, session)
    ):
        return await continue_request(core, opened, client, browser)
    address = client_address(request, core.config.trusted_proxies)
    if not await core.users.check_pin(session.username, form.get("pin", ""), address=address):
        return await step_up_page(core, opened, client, browser, wrong=True)
    browser = await raise_level(core, browser, session, fresh_for=digest(opened.request_id))
    return set_cookie(core, see_other(page_of(core, opened.uri, client)), browser)
