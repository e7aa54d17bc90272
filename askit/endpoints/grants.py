"""The page that lists what was granted to whom, and ends it.

Spec: FAPI1-BL 5.2.2-18; RFC 9700 4.16
Role: AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from askit import granted
from askit.endpoints.login import OWN_PAGES, own_login_page
from askit.messages import read_form
from askit.response_modes import see_other
from askit.sessions import form_token, read_browser, require_form_token, set_cookie
from fapikit.parameters import parse_parameters

if TYPE_CHECKING:
    from askit.server import AuthorizationServer


async def list_grants(server: AuthorizationServer, request: Request) -> Response:
    """A page of them; `from` says where it starts."""
    browser = await read_browser(server, request)
    if browser.session is None:
        return await own_login_page(server, request)
    start = parse_parameters(request.url.query).get("from")
    listed = []
    found, older = await granted.grants_of(server, browser.session.username, start=start)
    for grant in found:
        client = await server.clients.find(grant.client_id)
        listed.append((grant, client.name if client else grant.client_id))
    page = server.pages.grants(
        user=server.users.find(browser.session.username),
        grants=listed,
        config=server.config,
        csrf=await form_token(server, browser, OWN_PAGES),
        start=start,
        older=older,
    )
    return set_cookie(server, page, browser)


async def end_grant(server: AuthorizationServer, request: Request) -> Response:
    """303 back to the page. Raises StaleForm."""
    form = await read_form(request)
    browser = await read_browser(server, request)
    await require_form_token(server, browser, OWN_PAGES, form)
    if browser.session is not None:
        await granted.end(server, form.get("grant_id", ""), browser.session.username)
    page = {"from": form["from"]} if "from" in form else {}
    return see_other(f"{server.endpoint('grants')}{'?' if page else ''}{urlencode(page)}")
