"""HTTP for the endpoints: reads queries and forms strictly and within limits; makes answers that no cache stores.

Spec: RFC 6749 5.1, 3.2; RFC 9126 2a, 2.3
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from askit.config.limits import Limits
from askit.errors import InvalidRequest, TooLarge
from fapikit import strict_json
from fapikit.parameters import Parameters, parse_parameters

FORM: Final = "application/x-www-form-urlencoded"
_LONG: Final = frozenset(
    {
        "request", "request_uri", "authorization_details", "claims", "client_assertion", "id_token_hint",
        "login_hint_token", "token", "refresh_token", "code", "subject_token", "actor_token", "assertion",
    }
)  # fmt: skip
"""Parameters with a JWT, with JSON, or with something that this server sealed. Every other one is a short string."""


async def read_form(request: Request, limits: Limits) -> Parameters:
    """The parameters of a form in the body. Raises InvalidRequest, MalformedMessage."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != FORM:
        raise InvalidRequest("the parameters must be a form in the body", clause="RFC 6749 3.2")
    return _read(await read_body(request), limits)


def read_query(request: Request, limits: Limits) -> Parameters:
    """The parameters of the query. Raises InvalidRequest, MalformedMessage."""
    return _read(request.url.query, limits)


async def read_body(request: Request) -> bytes:
    """The whole body. Its limits are set in `requests.bounds`. Raises InvalidRequest."""
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise InvalidRequest("the body is shorter than announced", clause="RFC 9110 8.6") from error


def _read(encoded: str | bytes, limits: Limits) -> Parameters:
    parameters = parse_parameters(encoded, max_fields=limits.parameters)
    for name in parameters.names():
        for value in parameters.all(name):
            require_short(name, len(value.encode()), limits)
    return parameters


def require_short(name: str, octets: int, limits: Limits) -> None:
    """Raise TooLarge for a parameter with too many octets."""
    limit = limits.long_parameter_octets if name in _LONG else limits.parameter_octets
    if octets > limit:
        raise TooLarge(f"the parameter {name[:40]!a} is too long", facts={"limit": limit, "octets": octets})


def json_answer(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer that no cache may store."""
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
    """303, never 307: a browser must not post its form again to the other URL (FAPI2-SP 5.3.2.2-10)."""
    return Response(status_code=303, headers={"location": location, "cache-control": "no-store"})
