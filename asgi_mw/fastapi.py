"""For the routes of a FastAPI app under `asgi_mw.Protect`: `Annotated[Token, Access(...)]`, and its OpenAPI document.

    @app.post("/payments")
    async def pay(order: Order, token: Annotated[Token, Access("payments")]) -> Receipt: ...

    document(app, resource_server)  # OpenAPI: the 401, 403 and 503 answers, and the schemes of this server

Spec: FAPI2-SP 5.3.4-4; RFC 6750 3.1; RFC 9449 7.1
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import fastapi
from fastapi import Depends, HTTPException, WebSocketException
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBase
from fastapi.openapi.models import SecurityBase as SchemeModel
from fastapi.params import Form, Security
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request

from asgi_mw.starlette import (
    checked_request_of,
    once,
    public,
    require,
    token_of,
    use_consent,
    use_consent_sync,
)
from asgi_mw.stream import POLICY_VIOLATION
from fapikit.errors import ConfigurationError, FapiError
from rskit import access as rules
from rskit.access import any_of
from rskit.resource_server import ResourceServer
from rskit.tokens.token import Token

_CHALLENGE: Final = {
    "WWW-Authenticate": {
        "description": "One challenge for each scheme (RFC 6750 3, RFC 9449 7.1).",
        "schema": {"type": "string"},
    }
}
_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "401": {
        "description": "The request has no access token, or one that is not valid for it",
        "headers": _CHALLENGE,
    },
    "403": {"description": "The access token does not cover this request", "headers": _CHALLENGE},
    "503": {"description": "Whether the access token holds cannot be decided now"},
}


_MISSING: Final = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}


class _Scheme(SecurityBase):
    """Describes one scheme in OpenAPI. It checks nothing; Protect and Access do."""

    def __init__(self, name: str, model: SchemeModel) -> None:
        self.scheme_name = name
        self.model = model

    def __call__(self) -> None:
        return None


BEARER: Final = _Scheme(
    "bearer", HTTPBase(scheme="bearer", description="RFC 6750, and RFC 8705 with a certificate")
)
DPOP: Final = _Scheme(
    "dpop", HTTPBase(scheme="dpop", description="RFC 9449: a proof goes into the DPoP header")
)


class RouteAccess(rules.Access):
    """The dependency that FastAPI calls for `Access(...)`."""

    __slots__ = ("__dict__",)

    async def __call__(
        self,
        connection: HTTPConnection,
        _bearer: None = Depends(BEARER),
        _dpop: None = Depends(DPOP),
    ) -> Token:
        checked = checked_request_of(connection)
        try:
            if self.details is not None:
                checked.require(self)
                await _require_valid_body(connection)
            return await require(checked, self, connection)
        except FapiError as error:
            refusal = checked.refuse(error)
            if refusal is None:
                return _observed(checked.token)
            # Protect sends the refusal, whatever FastAPI does with this exception.
            if connection.scope["type"] == "websocket":
                raise WebSocketException(POLICY_VIOLATION) from error
            raise HTTPException(refusal.status) from error


# Older versions, such as FastAPI 0.121, do not resolve the postponed annotations of an object that they call.
RouteAccess.__call__.__annotations__["connection"] = HTTPConnection


async def _require_valid_body(connection: HTTPConnection) -> None:
    """Raise RequestValidationError for JSON that is not what the route declares.

    FastAPI calls dependencies first and validates the body after them. `details` reads that body: it must not be the
    one that finds it malformed.
    """
    field = getattr(connection.scope.get("route"), "body_field", None)
    if field is None or isinstance(field.field_info, Form) or not isinstance(connection, Request):
        return
    if not await connection.body():
        if field.field_info.is_required():
            raise RequestValidationError([_MISSING])
    elif _is_json(connection.headers.get("content-type", "")):
        body = await connection.json()  # FastAPI has parsed it before
        _, errors = field.validate(body, {}, loc=("body",))
        if errors:
            raise RequestValidationError(errors, body=body)


def _is_json(content_type: str) -> bool:
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def _observed(token: Token | None) -> Token:
    if token is None:
        raise HTTPException(401, "refusals are only observed, but this endpoint needs a token")
    return token


class _Dependency(Security):
    """It says how it is used where FastAPI, or Python, takes it for a function: in `Depends()`, or as a decorator."""

    def __call__(self, *_: object) -> Any:
        raise _not_a_function()

    @property
    def __signature__(self) -> Any:
        raise _not_a_function()


def _not_a_function() -> ConfigurationError:
    return ConfigurationError(
        "asgi_mw.fastapi.Access(...) is a dependency already, and no decorator: write token: "
        'Annotated[Token, Access("payments")] or dependencies=[Access("payments")], without Depends()'
    )


def Access(  # noqa: N802 - reads as the class it stands for
    *scopes: str | any_of,
    acr: str | Iterable[str] | None = None,
    max_age: int | None = None,
    details: Callable[[Any], Any] | None = None,
    dpop: Literal["required"] | None = None,
    fresh: bool = False,
    signed: bool = False,
) -> Any:
    """A dependency that yields the `Token`: `Annotated[Token, Access("accounts")]`, or `dependencies=[Access(...)]`."""
    rule = RouteAccess(
        *scopes, acr=acr, max_age=max_age, details=details, dpop=dpop, fresh=fresh, signed=signed
    )
    return _Dependency(rule, scopes=rule.challenge_scopes())  # the scopes are what OpenAPI shows


def document(app: fastapi.FastAPI, resource_server: ResourceServer | None = None) -> None:
    """Add the answers of Protect and Access to the OpenAPI document.

    With a resource server, the document names only the schemes that this server accepts.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            if resource_server is not None:
                _keep_schemes(schema, frozenset(scheme.lower() for scheme in resource_server.schemes))
            for operations in schema.get("paths", {}).values():
                for operation in operations.values():
                    if isinstance(operation, dict) and "security" in operation:
                        operation["responses"] = {**_ANSWERS, **operation.get("responses", {})}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _keep_schemes(schema: dict[str, Any], taken: frozenset[str]) -> None:
    """Remove those of our schemes that are not in `taken`."""
    left_out = {BEARER.scheme_name, DPOP.scheme_name} - taken
    schemes = schema.get("components", {}).get("securitySchemes", {})
    for name in left_out:
        schemes.pop(name, None)
    for operations in schema.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and "security" in operation:
                kept = [need for need in operation["security"] if left_out.isdisjoint(need)]
                operation["security"] = kept


__all__ = [
    "Access",
    "any_of",
    "document",
    "once",
    "public",
    "token_of",
    "use_consent",
    "use_consent_sync",
]
