"""The authorization endpoint: the client sends the browser with a request URI or, if the profile lets it, a request.

Nothing is redirected before client and redirect URI are known to belong together; what fails before is told to the
user on a page.

Spec: RFC 6749 4.1.2.1; JARM 2.1a; RFC 9126 4, 5, 7.4; RFC 9101 5a; RFC 9700 4.11
Spec: FAPI2-SP 5.3.2.2-3, 5.3.2.1-7, 5.2.3-3
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from askit.clients.client import Client
from askit.endpoints.par import keep_request
from askit.errors import InvalidRequest, InvalidRequestUri, Refused
from askit.issuing.response_modes import see_other
from askit.messages import read_form
from askit.records import PushedRequest
from askit.requests.authorization_request import INTERACTION, check_members, mode_of_refusal, read_members
from askit.users.consent import continue_request, refuse
from askit.users.sessions import read_browser
from fapikit.parameters import Parameters, parse_parameters

if TYPE_CHECKING:
    from askit.core import Core


async def authorize(core: Core, request: Request) -> Response:
    """A page, or the response to the client. Raises FapiError where the user must be told."""
    if request.method == "POST":
        parameters = await read_form(request)
    else:
        parameters = parse_parameters(request.url.query)
    client = await _client(core, parameters)
    if "request_uri" in parameters:
        if "request" in parameters:
            raise InvalidRequest("request and request_uri exclude each other", clause="RFC 9101 5a")
        request_uri = parameters["request_uri"]
        pushed = await load_request(core, request_uri, client)
        if core.clock() >= pushed.expires_at:
            raise InvalidRequestUri("this request_uri has expired: start again at the application")
        await core.records.mark("request-opened", request_uri, INTERACTION)
    else:
        direct = await _direct_request(core, parameters, client)
        if isinstance(direct, Response):
            return direct
        pushed, request_uri = direct, await keep_request(core, direct)
        await core.records.mark("request-opened", request_uri, INTERACTION)
    browser = await read_browser(core, request)
    if request.method == "POST" and not browser.known:
        # Another site's POST comes without the Lax cookie: a GET brings it, and no new one takes its place.
        return see_other(page_of(core, request_uri, client))
    return await continue_request(core, request_uri, pushed, client, browser)


def page_of(core: Core, request_uri: str, client: Client) -> str:
    """Where a request goes on that was opened already."""
    query = urlencode({"client_id": client.client_id, "request_uri": request_uri})
    return f"{core.endpoint('interaction')}?{query}"


async def interaction(core: Core, request: Request) -> Response:
    """Where the login form leads: the same request goes on, for as long as its page may stay open."""
    parameters = parse_parameters(request.url.query)
    client = await _client(core, parameters)
    request_uri = parameters.get("request_uri", "")
    pushed = await load_opened_request(core, request_uri, client)
    browser = await read_browser(core, request)
    return await continue_request(core, request_uri, pushed, client, browser)


async def load_opened_request(core: Core, request_uri: str, client: Client) -> PushedRequest:
    """A request whose page was opened in time. Raises InvalidRequestUri."""
    if await core.records.marked("request-opened", request_uri) is None:
        raise InvalidRequestUri("this page was open for too long: start again at the application")
    return await load_request(core, request_uri, client)


async def load_request(core: Core, request_uri: str, client: Client) -> PushedRequest:
    """The pushed request behind a URI of this client's, not yet decided. Raises InvalidRequestUri."""
    pushed = await core.records.load("request", request_uri, PushedRequest)
    if pushed is None or pushed.client_id != client.client_id:
        raise InvalidRequestUri("this request_uri is unknown, or another client's", clause="RFC 9126 2.2")
    if await core.records.marked("request-used", request_uri) is not None:
        raise InvalidRequestUri(
            "this request was answered before: start again at the application", clause="RFC 9126 4b"
        )
    if not client.accepts_redirect_uri(pushed.redirect_uri):
        raise InvalidRequestUri("the redirect_uri is not registered any more", clause="RFC 9126 7.4")
    return pushed


async def _client(core: Core, parameters: Parameters) -> Client:
    client = await core.clients.find(parameters.get("client_id", ""))
    if client is None:
        raise InvalidRequest("client_id is missing or unknown")
    return client


async def _direct_request(core: Core, parameters: Parameters, client: Client) -> PushedRequest | Response:
    """A request that came through the browser, or the error to send back for it."""
    if core.profile.par_required or client.flag("require_pushed_authorization_requests"):
        raise InvalidRequest("the request must be pushed first", clause=core.profile.clause("par_required"))
    members = await read_members(core, parameters, client)
    try:
        return await check_members(core, members, client, signed="request" in parameters)
    except Refused as error:
        back = _way_back(core, members, client)
        if back is None:
            raise
        return await refuse(core, back, client, error)


def _way_back(core: Core, members: Mapping[str, Any], client: Client) -> PushedRequest | None:
    """Where and how an error is told: to a redirect URI that is this client's own, in the mode that was asked for."""
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
