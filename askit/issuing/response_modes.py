"""How the authorization response is sent to the client: in the query, the fragment or a form.

Spec: JARM 2.3; FAPI2-SP 5.3.2.2-10, 5.3.2.2-11
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from askit.messages import see_other
from askit.pages.pages import Pages
from askit.records import PushedRequest

RESPONSE_MODES: Final = (
    "query",
    "fragment",
    "form_post",
    "jwt",
    "query.jwt",
    "fragment.jwt",
    "form_post.jwt",
)


def render_response(
    pages: Pages, request: PushedRequest, transport: str, parameters: Mapping[str, str]
) -> Response:
    """The HTTP response for one of these modes."""
    if transport == "form_post":
        return pages.form_post(request.redirect_uri, parameters)
    if transport == "fragment":
        location = f"{request.redirect_uri}#{urlencode(parameters)}"
    else:
        joint = "&" if "?" in request.redirect_uri else "?"
        location = f"{request.redirect_uri}{joint}{urlencode(parameters)}"
    return see_other(location)
