"""The authentication device: a page that stands for the user's phone, with the requests that wait for this user (CIBA).

Clients never see it. A decision is sent to the same form as that of every consent page, so sign-in, step-up, and one
decision for each request are as there. A page with buttons does not reload by itself: another request could take the
place of a button just before it is pressed.

Spec: CIBA 5, 7.1e; FAPI-CIBA 5.2.2-7, 7.7; FAPI2-SP 5.3.2.2-13
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.decoupled.pending import pending_of
from askit.endpoints.login import own_login_page
from askit.errors import AccessDenied, IntentRefused, InvalidGrantId
from askit.intents.named import require_grantable
from askit.pages.pages import WaitingEntry
from askit.users import managed_grants
from askit.users.sessions import form_token, read_browser, set_cookie


async def authentication_device(core: Core, request: Request) -> Response:
    """What waits for the signed-in user, newest first; the login form if nobody is signed in."""
    browser = await read_browser(core, request)
    user = None if browser.session is None else core.users.find(browser.session.username)
    if user is None:
        return await own_login_page(core, request, "authentication_device")
    waiting = []
    for client, uri, asked in await pending_of(core, user):
        try:
            managed = await managed_grants.read(core, asked, client, user)
            await require_grantable(core, asked, client, user)
        except (
            InvalidGrantId,
            IntentRefused,
            AccessDenied,
        ):  # what it is about has ended, or is another user's
            continue
        changed, until = managed and managed.grant, managed_grants.ends_at(core, asked, managed)
        csrf = await form_token(core, browser, uri)
        waiting.append(WaitingEntry(client, asked, uri, csrf, changed, until))
    page = core.pages.authentication_device(user=user, waiting=waiting, config=core.config, now=core.clock())
    return set_cookie(core, page, browser)
