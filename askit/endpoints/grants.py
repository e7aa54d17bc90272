"""The page that lists what the user has granted to which client, and that revokes it.

Spec: FAPI1-BL 5.2.2-18; RFC 9700 4.16
Role: AS
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.endpoints.login import OWN_PAGES, own_login_page
from askit.messages import read_form, read_query, see_other
from askit.users import grants as user_grants
from askit.users.sessions import form_token, read_browser, require_form_token, set_cookie


async def list_grants(core: Core, request: Request) -> Response:
    """One page of the list. The parameter `from` gives its start."""
    browser = await read_browser(core, request)
    if browser.session is None:
        return await own_login_page(core, request, OWN_PAGES)
    start = read_query(request, core.config.limits).get("from")
    listed = []
    found, older = await user_grants.grants_of(core, browser.session.username, start=start)
    for grant in found:
        client_name = await core.clients.name_of(grant.client_id)
        used_at = await user_grants.last_use(core, grant.grant_id)
        listed.append((grant, client_name, used_at))
    page = core.pages.grants(
        user=core.users.find(browser.session.username),
        grants=listed,
        config=core.config,
        csrf=await form_token(core, browser, OWN_PAGES),
        start=start,
        older=older,
    )
    return set_cookie(core, page, browser)


async def end_grant(core: Core, request: Request) -> Response:
    """303 back to the page. Raises StaleForm."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    await require_form_token(core, browser, OWN_PAGES, form)
    if browser.session is not None:
        await user_grants.end(core, form.get("grant_id", ""), browser.session.username)
    page = {"from": form["from"]} if "from" in form else {}
    return see_other(f"{core.endpoint('grants')}{'?' if page else ''}{urlencode(page)}")
