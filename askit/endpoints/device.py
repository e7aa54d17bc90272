"""The verification page: the user types the code of a device, compares what is shown with the device, and decides.

Opened by `verification_uri_complete`, the page shows the same and asks the same. The user decides nothing before he has
said that the device is in front of him. Then sign-in and consent are those of every request. While strangers guess
codes, a user signs in first.

Spec: RFC 8628 3.3a, 3.3.1b, 5.1, 5.4a
Role: AS
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.decoupled.user_codes import find_by_user_code, read_user_code
from askit.endpoints.login import own_login_page
from askit.errors import InvalidRequest, InvalidRequestUri, TooManyAttempts
from askit.messages import read_form, read_query
from askit.pages.languages import prefer_locales
from askit.records import WaitingRequest
from askit.requests.client_address import client_address
from askit.requests.request_uris import find_waiting_request, open_waiting_request
from askit.users.consent import continue_request, deny
from askit.users.sessions import Browser, form_token, read_browser, require_form_token, set_cookie

_PURPOSE: Final = "device"


async def device(core: Core, request: Request) -> Response:
    """The form for the code; with a code in the query, the page about its device.

    Raises TooManyAttempts for a user who is signed in. Anybody else can sign in instead.
    """
    code = read_query(request, core.config.limits).get("user_code")
    browser = await read_browser(core, request)
    if code is None:
        return await _ask_for_code(core, browser)
    return await _ask_about_device(core, request, browser, code)


async def typed(core: Core, request: Request) -> Response:
    """Handles the form for the code. Raises StaleForm, TooManyAttempts; see `device`."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    await require_form_token(core, browser, _PURPOSE, form)
    return await _ask_about_device(core, request, browser, form.get("user_code", ""))


async def confirm(core: Core, request: Request) -> Response:
    """Handles the answer whether the user holds the device: sign-in and consent, or a refusal.

    Raises StaleForm, InvalidRequestUri.
    """
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    uri = form.get("request_uri", "")
    await require_form_token(core, browser, uri, form)
    client = await core.clients.find(form.get("client_id", ""))
    if client is None:
        raise InvalidRequest("client_id is missing or unknown")
    opened = await open_waiting_request(core, uri, client)
    if not (isinstance(opened.request, WaitingRequest) and opened.request.user_code):
        raise InvalidRequestUri("this is no request of a device", clause="RFC 8628 3.3")
    match form.get("holds"):
        case "yes":
            return await continue_request(core, opened, client, browser)
        case "no":
            return await deny(core, opened, client, browser.session)
    raise InvalidRequest("holds must be yes or no")


async def _ask_for_code(core: Core, browser: Browser, *, wrong: bool = False) -> Response:
    page = core.pages.user_code(csrf=await form_token(core, browser, _PURPOSE), wrong=wrong)
    return set_cookie(core, page, browser)


async def _ask_about_device(core: Core, request: Request, browser: Browser, typed_code: str) -> Response:
    try:
        uri = await _find(core, request, browser, typed_code)
    except TooManyAttempts:
        if browser.session is not None:
            raise
        page = await own_login_page(core, request, _PURPOSE)
        page.status_code = TooManyAttempts.status
        return page
    waiting = None if uri is None else await find_waiting_request(core, uri)
    client = None if waiting is None else await core.clients.find(waiting.client_id)
    if waiting is None or uri is None or client is None or core.clock() >= waiting.expires_at:
        return await _ask_for_code(core, browser, wrong=True)
    prefer_locales(waiting.ui_locales)
    page = core.pages.device(
        client=client, request=waiting, csrf=await form_token(core, browser, uri), request_uri=uri
    )
    return set_cookie(core, page, browser)


async def _find(core: Core, request: Request, browser: Browser, typed_code: str) -> str | None:
    """The URI of the request with this code; None for a wrong code. What can be no code is no guess."""
    code = read_user_code(typed_code)
    if code is None:
        return None
    address = client_address(request, core.config.trusted_proxies)
    username = None if browser.session is None else browser.session.username
    return await find_by_user_code(core, code, address=address, username=username)
