"""HTTP as the endpoints see it: forms read strictly, answers that no cache keeps.

Spec: RFC 6749 5.1, 3.2; RFC 9126 2a
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from askit.errors import InvalidRequest, TooLarge
from fapikit import strict_json
from fapikit.parameters import Parameters, parse_parameters

MAX_BODY: Final = 256 * 1024
FORM: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Parameters:
    """The parameters of a form in the body. Raises InvalidRequest, MalformedMessage."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != FORM:
        raise InvalidRequest("send the parameters as a form in the body", clause="RFC 6749 3.2")
    return parse_parameters(await read_body(request))


async def read_body(request: Request) -> bytes:
    """The whole body, within bounds. Raises InvalidRequest."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge("the body is too long", facts={"limit": MAX_BODY})
    return bytes(body)


def json_answer(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; what this server sends is for its one reader only."""
    return Response(
        strict_json.dump(body),
        status,
        {"cache-control": "no-store", "pragma": "no-cache", **(headers or {})},
        media_type="application/json",
    )


def public_json(body: Mapping[str, Any], max_age: int) -> Response:
    """A JSON document for everybody."""
    return Response(
        strict_json.dump(body),
        headers={"cache-control": f"public, max-age={max_age}"},
        media_type="application/json",
    )


def see_other(location: str) -> Response:
    """303, never 307: what the browser posted here is not posted there (FAPI2-SP 5.3.2.2-10)."""
    return Response(status_code=303, headers={"location": location, "cache-control": "no-store"})
