"""FastAPI's body validation comes before `details`: what does not fit the model is 422."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import fastapi
import httpx
import pytest
from fastapi import Body, Form, Request
from pydantic import BaseModel

import asgi_mw
from asgi_mw.fastapi import Access
from rskit import Token
from rskit.testing import Mint

RESOURCE = "https://api.example"
GRANTED = {"type": "order", "amount": "5"}


class Order(BaseModel):
    amount: str
    count: int = 1


async def of_json(request: Request) -> Any:
    body = await request.json()
    return {"type": "order", "amount": body["amount"]}


async def of_embedded(request: Request) -> Any:
    body = await request.json()
    return {"type": "order", "amount": body["order"]["amount"]}


async def of_form(request: Request) -> Any:
    body = await request.form()
    return {"type": "order", "amount": body["amount"]}


def an_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.post("/one")
    async def one(order: Order, token: Annotated[Token, Access("orders", details=of_json)]) -> str:
        return order.amount

    @app.post("/two", dependencies=[Access("orders", details=of_embedded)])
    async def two(order: Order, note: Annotated[str, Body()]) -> str:
        return order.amount + note

    @app.post("/form", dependencies=[Access("orders", details=of_form)])
    async def form(amount: Annotated[str, Form()]) -> str:
        return amount

    @app.post("/raw", dependencies=[Access("orders", details=of_json)])
    async def raw(request: Request) -> str:
        return (await request.json())["amount"]

    return app


def post(path: str, *, scope: str = "orders", **request: Any) -> httpx.Response:
    mint = Mint()
    mint.resource = RESOURCE
    headers = mint.headers(
        "POST", RESOURCE + path, scope=scope, authorization_details=[GRANTED]
    ) | request.pop("headers", {})

    async def send() -> httpx.Response:
        app = asgi_mw.Protect(an_app(), mint.resource_server(RESOURCE))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=RESOURCE) as client:
            return await client.post(path, headers=headers, **request)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("path", "body", "missing"),
    [
        ("/one", {"amuont": "5"}, ["body", "amount"]),
        ("/one", {"amount": "5", "count": "many"}, ["body", "count"]),
        ("/one", {"amount": "6", "count": "many"}, ["body", "count"]),  # and what was not granted
        ("/one", ["amount"], ["body"]),
        ("/one", 7, ["body"]),
        ("/one", None, ["body"]),
        ("/two", {"note": "x"}, ["body", "order"]),
        ("/two", {"order": {"amount": "5"}}, ["body", "note"]),
    ],
)
def test_json_that_does_not_fit_the_model_is_422(path: str, body: Any, missing: list[str]) -> None:
    answer = post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert missing in [error["loc"] for error in answer.json()["detail"]]


@pytest.mark.parametrize("content", [b"", b"{"])
def test_what_is_no_json_at_all_is_422(content: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert post("/one", content=content, headers=headers).status_code == 422
    assert post("/one", content=content).status_code == (422 if content == b"" else 400)


@pytest.mark.parametrize(
    ("path", "request_", "status"),
    [
        ("/one", {"json": {"amount": "5"}}, 200),
        ("/two", {"json": {"order": {"amount": "5"}, "note": "x"}}, 200),
        ("/form", {"data": {"amount": "5"}}, 200),
        ("/raw", {"json": {"amount": "5"}}, 200),
        ("/one", {"json": {"amount": "6"}}, 403),
        ("/two", {"json": {"order": {"amount": "6"}, "note": "x"}}, 403),
        ("/form", {"data": {"amount": "6"}}, 403),
        ("/raw", {"json": {"amuont": "5"}}, 400),  # declares no model: `details` is the first to read it
    ],
)
def test_what_fits_is_compared_with_what_was_granted(path: str, request_: Any, status: int) -> None:
    answer = post(path, **request_)
    assert answer.status_code == status, answer.text


def test_who_lacks_the_scope_does_not_hear_of_the_model() -> None:
    assert post("/one", scope="other", json={}).status_code == 403
