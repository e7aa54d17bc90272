"""What looks like a use of `Access` in FastAPI and is none: the error comes at the latest when the app starts."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import fastapi
import pytest
from fastapi import Depends
from starlette.requests import HTTPConnection

import asgi_mw
import asgi_mw.starlette
import rskit.access
from asgi_mw.fastapi import Access, RouteAccess, token_of
from fapikit.errors import ConfigurationError
from rskit import Token
from tests.asgi_mw.test_misplaced_access import call, start
from tests.rskit.mothers import a_server, a_token

Decorator = asgi_mw.starlette.Access


def alone(token: Token) -> None: ...


def or_none(token: Token | None = None) -> None: ...


def with_the_rule_of_the_core(token: Annotated[Token, rskit.access.Access("payments")]) -> None: ...


def with_the_decorator(token: Annotated[Token, Decorator("payments")]) -> None: ...


def without_a_call(token: Annotated[Token, Access]) -> None: ...


def depending_on_the_decorator(token: Annotated[Token, Depends(Decorator("payments"))]) -> None: ...


def nested(token: Annotated[None, Depends(alone)]) -> None: ...


def right(token: Annotated[Token, Access("payments")]) -> str:
    return "paid"


RULE: Any = Access("payments")
WRAPPED: Any = Depends(RULE)


def right_as_a_default(token: Token = RULE) -> str:
    return "paid"


def right_by_the_request(token: Annotated[Token, Depends(token_of)]) -> str:
    return "paid"


def an_app(endpoint: Callable[..., Any], *, included: bool = False) -> fastapi.FastAPI:
    app, router = fastapi.FastAPI(), fastapi.APIRouter()
    (router if included else app).get("/pay")(endpoint)
    app.include_router(router)
    return app


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [
        (alone, "the parameter 'token' is a Token"),
        (or_none, "the parameter 'token' is a Token"),
        (with_the_rule_of_the_core, "the parameter 'token' is a Token"),
        (with_the_decorator, "the parameter 'token' is a Token"),
        (without_a_call, "the parameter 'token' is a Token"),
        (depending_on_the_decorator, "is a decorator, not a dependency"),
        (nested, "the parameter 'token' is a Token"),
    ],
)
def test_a_token_that_fastapi_would_read_from_the_request_stops_the_start(
    endpoint: Callable[..., Any], fault: str, included: bool
):
    app = an_app(endpoint, included=included)
    failed, error = asyncio.run(start(asgi_mw.Protect(app, a_server())))
    assert failed == "lifespan.startup.failed"
    assert error.startswith("/pay: ")
    assert fault in error
    assert "asgi_mw.fastapi.Access" in error
    with pytest.raises(ConfigurationError, match="/pay"):
        asyncio.run(call(asgi_mw.Protect(app, a_server()), a_token()))
    with pytest.raises(ConfigurationError, match="/pay"):
        asgi_mw.audit(app)


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize("endpoint", [right, right_as_a_default, right_by_the_request])
def test_a_token_that_a_dependency_yields_is_right(endpoint: Callable[..., Any], included: bool):
    app = asgi_mw.Protect(an_app(endpoint, included=included), a_server())
    assert asyncio.run(start(app))[0] == "lifespan.startup.complete"
    assert asyncio.run(call(app, a_token())).json() == "paid"


def wrapped(token: Annotated[Token, Depends(RULE)]) -> None: ...


def wrapped_as_a_default(token: Token = WRAPPED) -> None: ...


@pytest.mark.parametrize("endpoint", [wrapped, wrapped_as_a_default])
def test_access_inside_depends_says_how_it_is_written(endpoint: Callable[..., Any]):
    with pytest.raises(ConfigurationError, match=r"without Depends\(\)"):
        an_app(endpoint)


def test_access_inside_depends_of_a_route_says_how_it_is_written():
    with pytest.raises(ConfigurationError, match=r"without Depends\(\)"):
        fastapi.FastAPI().get("/pay", dependencies=[WRAPPED])(right)


def test_access_of_fastapi_says_that_it_is_no_decorator():
    with pytest.raises(ConfigurationError, match="no decorator"):
        RULE(right)


def test_the_decorator_of_starlette_takes_functions_alone():
    with pytest.raises(ConfigurationError, match=r"use asgi_mw\.fastapi\.Access"):
        Decorator("payments")("a query parameter")  # type: ignore[type-var]


def test_the_dependency_has_annotations_that_every_fastapi_can_read():
    parameters = inspect.signature(RouteAccess("payments")).parameters
    assert parameters["connection"].annotation is HTTPConnection
