"""The authorization endpoint: the browser brings a request URI from PAR or, if the profile allows it, the request
itself or the URI of a request object that the client hosts.

Nothing is redirected before the redirect URI is known to belong to the client. An error before that is shown to the
user on a page.

Spec: RFC 6749 4.1.2.1; JARM 2.1a; RFC 9126 4, 5, 7.4; RFC 9101 5a; RFC 9700 4.11
Spec: FAPI2-SP 5.3.2.2-3, 5.3.2.1-7, 5.2.3-3
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequest, Refused
from askit.messages import read_form, read_query, see_other
from askit.records import PushedRequest
from askit.requests.authorization_request import check_members, mode_of_refusal, read_members
from askit.requests.known_client import named_client
from askit.requests.request_object import find_request_object
from askit.requests.request_uris import (
    is_given_out_here,
    load_opened_request,
    open_direct_request,
    open_pushed_request,
)
from askit.users.consent import continue_request, refuse
from askit.users.sessions import read_browser
from fapikit.parameters import Parameters


async def authorize(core: Core, request: Request) -> Response:
    """A page, or the response to the client. Raises FapiError for an error that must be shown to the user."""
    if request.method == "POST":
        parameters = await read_form(request, core.config.limits)
    else:
        parameters = read_query(request, core.config.limits)
    client = await named_client(core, request, parameters, current=True)
    request_uri = parameters.get("request_uri")
    if request_uri is not None and "request" in parameters:
        raise InvalidRequest("send request or request_uri, not both", clause="RFC 9101 5a")
    if request_uri is not None and is_given_out_here(request_uri):
        opened = await open_pushed_request(core, request_uri, client)
    else:
        direct = await _direct_request(core, parameters, client)
        if isinstance(direct, Response):
            return direct
        opened = await open_direct_request(core, direct)
    browser = await read_browser(core, request)
    if request.method == "POST" and not browser.known:
        # A POST from another site comes without the Lax cookie. Redirect to a GET, which has it; set no new cookie.
        return see_other(page_of(core, opened.uri, client))
    return await continue_request(core, opened, client, browser)


def page_of(core: Core, uri: str, client: Client) -> str:
    """The page at which a request continues that is already open."""
    query = urlencode({"client_id": client.client_id, "request_uri": uri})
    return f"{core.endpoint('interaction')}?{query}"


async def interaction(core: Core, request: Request) -> Response:
    """The redirect target of the login form: the same request continues, while its page may stay open."""
    parameters = read_query(request, core.config.limits)
    client = await named_client(core, request, parameters, current=True)
    opened = await load_opened_request(core, parameters.get("request_uri", ""), client)
    browser = await read_browser(core, request)
    return await continue_request(core, opened, client, browser)


async def _direct_request(core: Core, parameters: Parameters, client: Client) -> PushedRequest | Response:
    """A request that came through the browser, or the error response for it."""
    profile = core.profile_of(client)
    if profile.par_required or client.flag("require_pushed_authorization_requests"):
        raise InvalidRequest("the request must be pushed first (PAR)", clause=profile.clause("par_required"))
    request_object = await find_request_object(core, parameters, client)
    members = await read_members(core, parameters, client, request_object)
    try:
        return await check_members(core, members, client, signed=request_object is not None)
    except Refused as error:
        back = _way_back(core, members, client)
        if back is None:
            raise
        return await refuse(core, back, client, error)


def _way_back(core: Core, members: Mapping[str, Any], client: Client) -> PushedRequest | None:
    """Where and how to send an error: to a redirect URI that is registered for this client, in the requested mode."""
    redirect_uri, state = members.get("redirect_uri"), members.get("state")
    if not isinstance(redirect_uri, str) or not client.accepts_redirect_uri(redirect_uri):
        return None
    return PushedRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        response_mode=mode_of_refusal(core, members, client),
        scopes=(),
        created_at=0,
        expires_at=0,
        state=state if isinstance(state, str) else None,
    )
