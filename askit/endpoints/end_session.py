"""RP-initiated logout: a client sends the browser here to sign the user out, or the user comes from our own pages.

The user is always asked, so no other site can sign anybody out. The browser returns only to a URI that the client has
registered for this.

Spec: OIDC RP-Initiated Logout 1.0, sections 2, 2.1, 3, 6; RFC 9700 4.11
Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.client import Client
from askit.core import Core
from askit.endpoints.login import OWN_PAGES
from askit.errors import InvalidRequest
from askit.messages import read_form, read_query, see_other
from askit.pages.languages import prefer_locales
from askit.requests.requested_subject import hinted_client, hinted_subject
from askit.users.logout import end_session as end
from askit.users.sessions import form_token, read_browser, require_form_token, set_cookie
from fapikit.parameters import Parameters
from fapikit.urls import with_query

_CLAUSE = "OIDC RP-Initiated Logout 2"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who sent the browser here, and where it returns to. None: nobody, nowhere."""

    client: Client | None
    redirect_uri: str | None
    state: str | None
    ui_locales: str | None

    @property
    def fields(self) -> dict[str, str]:
        """The hidden fields with which our own page sends this back."""
        found = {
            "client_id": self.client.client_id if self.client else None,
            "post_logout_redirect_uri": self.redirect_uri,
            "state": self.state,
            "ui_locales": self.ui_locales,
        }
        return {name: value for name, value in found.items() if value is not None}


async def end_session(core: Core, request: Request) -> Response:
    """The page that asks. A user who is not signed in continues at once. Raises InvalidRequest."""
    posted = request.method == "POST"
    parameters = (
        await read_form(request, core.config.limits) if posted else read_query(request, core.config.limits)
    )
    leaving = await _read(core, parameters)
    browser = await read_browser(core, request)
    if posted and not browser.known:
        # A POST from another site comes without the Lax cookie. Redirect to a GET, which has it.
        return see_other(with_query(core.endpoint("end_session"), leaving.fields.items()))
    if browser.session is None:
        return _gone(core, leaving)
    page = core.pages.sign_out(
        user=core.users.find(browser.session.username),
        client_name=leaving.client.name if leaving.client else None,
        csrf=await form_token(core, browser, OWN_PAGES),
        carried=leaving.fields,
        leads_to=leaving.redirect_uri,
    )
    return set_cookie(core, page, browser)


async def logout(core: Core, request: Request) -> Response:
    """End the session. Raises StaleForm, InvalidRequest."""
    form = await read_form(request, core.config.limits)
    browser = await read_browser(core, request)
    await require_form_token(core, browser, OWN_PAGES, form)
    leaving = await _read(core, form)
    await end(core, browser)
    return _gone(core, leaving)


def _gone(core: Core, leaving: Leaving) -> Response:
    if leaving.redirect_uri is None:
        return core.pages.signed_out()
    state = {} if leaving.state is None else {"state": leaving.state}
    return see_other(with_query(leaving.redirect_uri, state.items()) if state else leaving.redirect_uri)


async def _read(core: Core, parameters: Parameters) -> Leaving:
    ui_locales = parameters.get("ui_locales")
    prefer_locales((ui_locales or "").split())
    hint, client_id = parameters.get("id_token_hint"), parameters.get("client_id")
    if client_id is None and hint is not None:
        client_id = hinted_client(core, hint)
    client = None if client_id is None else await core.clients.find(client_id)
    if client_id is not None and client is None:
        raise InvalidRequest("client_id is unknown", clause=_CLAUSE)
    if hint is not None and client is not None:
        # It must be an ID token for this client. Whoever it names, the user who is signed in is asked.
        await hinted_subject(core, hint, client)
    uri = parameters.get("post_logout_redirect_uri")
    if uri is not None and (client is None or uri not in client.post_logout_redirect_uris):
        raise InvalidRequest(
            "post_logout_redirect_uri is not registered for this client",
            clause="OIDC RP-Initiated Logout 3",
        )
    return Leaving(client, uri, parameters.get("state") if uri is not None else None, ui_locales)
