"""How the authorization response travels to the client: in the query, the fragment or a form, plain or signed.

Spec: JARM 2.3; RFC 9207 2; FAPI2-SP 5.3.2.2-7, 5.3.2.2-10, 5.3.2.2-11
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.responses import Response

from askit.clients.client import Client
from askit.issuing import jarm
from askit.records import PushedRequest

if TYPE_CHECKING:
    from askit.core import Core

RESPONSE_MODES: Final = (
    "query",
    "fragment",
    "form_post",
    "jwt",
    "query.jwt",
    "fragment.jwt",
    "form_post.jwt",
)


async def authorization_response(
    core: Core, request: PushedRequest, client: Client, members: Mapping[str, str]
) -> Response:
    """Send `members` (a code, or an error) to the client, with its `state` and our `iss`; by 303."""
    parameters = dict(members)
    if request.state is not None:
        parameters["state"] = request.state
    transport, _, signed = request.response_mode.partition(".")
    if signed:
        parameters = {"response": await jarm.make_jarm_response(core, parameters, client)}
    else:
        parameters["iss"] = core.config.issuer
    return core.send_response(request, transport, parameters)


def render_response(
    core: Core, request: PushedRequest, transport: str, parameters: Mapping[str, str]
) -> Response:
    """The HTTP form of one transport."""
    if transport == "form_post":
        return core.pages.form_post(request.redirect_uri, parameters)
    if transport == "fragment":
        location = f"{request.redirect_uri}#{urlencode(parameters)}"
    else:
        joint = "&" if "?" in request.redirect_uri else "?"
        location = f"{request.redirect_uri}{joint}{urlencode(parameters)}"
    return see_other(location)


def see_other(location: str) -> Response:
    """303, never 307: what the browser posted here is not posted there (FAPI2-SP 5.3.2.2-10)."""
    return Response(status_code=303, headers={"location": location, "cache-control": "no-store"})
