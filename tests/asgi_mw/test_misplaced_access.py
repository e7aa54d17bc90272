"""`@Access` above the route decorator of FastAPI, and bare functions in routes of Starlette: the app does not start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, Any

import fastapi
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import asgi_mw
import asgi_mw.fastapi
from asgi_mw.starlette import Access, public
from fapikit.errors import ConfigurationError
from rskit import Token
from tests.rskit.mothers import RESOURCE, a_server, a_token


def a_handler() -> Any:
    async def pay(request: Request) -> PlainTextResponse:
        return PlainTextResponse("paid")

    return pay


def above() -> Any:
    app = fastapi.FastAPI()
    Access("payments")(app.get("/pay", response_model=None)(a_handler()))
    return app


def above_in_a_router() -> Any:
    app, router = fastapi.FastAPI(), fastapi.APIRouter()
    Access("payments")(router.get("/pay", response_model=None)(a_handler()))
    app.include_router(router)
    return app


def bare_beside_guarded() -> Any:
    pay = a_handler()
    return Starlette(routes=[Route("/guarded", Access("payments")(pay)), Route("/pay", pay)])


def in_a_mount() -> Any:
    pay = a_handler()
    Access("payments")(pay)
    return Starlette(routes=[Mount("/", routes=[Route("/pay", pay)])])


async def pay_of_a_module(request: Request) -> PlainTextResponse:
    return PlainTextResponse("paid")


def guarded_by_a_call_elsewhere() -> Any:
    Starlette(routes=[Route("/pay", Access("payments")(pay_of_a_module))])
    return Starlette(routes=[Route("/pay", pay_of_a_module)])


def below() -> Any:
    app = fastapi.FastAPI()
    app.get("/pay", response_model=None)(Access("payments")(a_handler()))
    return app


def twice_with_a_rule_each() -> Any:
    pay = a_handler()
    return Starlette(routes=[Route("/guarded", Access("admin")(pay)), Route("/pay", Access()(pay))])


def with_a_rule_of_the_router() -> Any:
    app = fastapi.FastAPI(dependencies=[asgi_mw.fastapi.Access("payments")])
    Access("admin")(app.get("/pay", response_model=None)(a_handler()))
    return app


def with_a_rule_in_a_parameter() -> Any:
    app = fastapi.FastAPI()

    async def pay(token: Annotated[Token, asgi_mw.fastapi.Access("payments")]) -> Any:
        return PlainTextResponse("paid")

    Access("admin")(app.get("/pay", response_model=None)(pay))
    return app


def open_to_all() -> Any:
    pay = a_handler()
    Access("admin")(pay)
    return Starlette(routes=[Route("/pay", public()(pay))])


MISPLACED = [above, above_in_a_router, bare_beside_guarded, in_a_mount]
IN_FORCE = [
    guarded_by_a_call_elsewhere,
    below,
    twice_with_a_rule_each,
    with_a_rule_of_the_router,
    with_a_rule_in_a_parameter,
    open_to_all,
]


async def start(app: Any) -> list[str]:
    """What the application says in its lifespan. Raises what it raises."""
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    said: list[str] = []

    async def receive() -> Any:
        return {"type": next(events)}

    async def send(message: Any) -> None:
        said.append(message["type"])

    try:
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    except ConfigurationError as error:
        said.append(str(error))
    return said


async def call(app: Any, token: str | None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=RESOURCE) as client:
        return await client.get("/pay", headers=headers)


@pytest.mark.parametrize("make", MISPLACED)
def test_an_application_whose_route_leaves_out_its_rule_does_not_start(
    make: Callable[[], Any], caplog: pytest.LogCaptureFixture
):
    failed, error = asyncio.run(start(asgi_mw.Protect(make(), a_server())))
    assert failed == "lifespan.startup.failed"
    assert "/pay (Access('payments'))" in error
    assert "below the route decorator" in error
    assert [record.name for record in caplog.records if record.levelno == logging.CRITICAL] == ["rskit"]


@pytest.mark.parametrize("make", MISPLACED)
def test_without_a_lifespan_no_request_passes(make: Callable[[], Any]):
    app = asgi_mw.Protect(make(), a_server())
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="/pay"):
            asyncio.run(call(app, a_token()))
    assert asyncio.run(call(app, None)).status_code == 401
    with pytest.raises(ConfigurationError, match="/pay"):
        asgi_mw.audit(app)


@pytest.mark.parametrize("make", IN_FORCE)
def test_other_routes_are_taken_as_they_stand(make: Callable[[], Any]):
    assert asyncio.run(start(asgi_mw.Protect(make(), a_server()))) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    app = asgi_mw.Protect(make(), a_server())
    assert [asyncio.run(call(app, a_token())).text for _ in range(2)] == ["paid", "paid"]
