"""A FastAPI app under Protect: dependencies refine, OpenAPI says so, refusals keep their challenge."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import fastapi
import httpx
import pytest
from fastapi import Request, WebSocket
from starlette.responses import JSONResponse

import asgi_mw
from asgi_mw.fastapi import Access, document, public
from fapikit.errors import ConfigurationError
from rskit import ResourceServer, Token
from rskit.testing import Mint

RESOURCE = "https://api.example"


def an_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.get("/notes")
    async def notes(token: Annotated[Token, Access("notes:read")]) -> dict[str, Any]:
        return {"sub": token.subject}

    @app.get("/health")
    @public()
    async def health() -> dict[str, bool]:
        return {"up": True}

    @app.get("/silent")
    async def silent() -> dict[str, bool]:
        return {"any": True}

    async def wanted(request: Request) -> Any:
        return await request.json()

    @app.post("/orders", dependencies=[Access("orders", details=wanted)])
    async def order(body: dict[str, Any]) -> dict[str, Any]:
        return body

    @app.websocket("/feed")
    async def feed(websocket: WebSocket, token: Annotated[Token, Access("feed")]) -> None:
        await websocket.accept()
        await websocket.close()

    app.exception_handler(fastapi.HTTPException)(careless)
    return app


async def careless(request: Request, error: fastapi.HTTPException) -> JSONResponse:
    return JSONResponse({"oops": True}, status_code=200)


@pytest.fixture
def mint() -> Mint:
    return Mint()


def call(app: Any, server: ResourceServer, method: str, path: str, **request: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=asgi_mw.Protect(app, server, around_public=[careless]))
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())


def test_a_dependency_yields_the_token(mint: Mint):
    headers = mint_headers(mint, "GET", "/notes", scope="notes:read")
    answer = call(an_app(), mint.resource_server(RESOURCE), "GET", "/notes", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"sub": "user"})


def mint_headers(mint: Mint, method: str, path: str, **claims: Any) -> dict[str, str]:
    mint.resource = RESOURCE
    return mint.headers(method, f"{RESOURCE}{path}", **claims)


@pytest.mark.spec("RFC 6750 3.1")
def test_a_careless_exception_handler_cannot_drop_the_challenge(mint: Mint):
    headers = mint_headers(mint, "GET", "/notes", scope="other")
    answer = call(an_app(), mint.resource_server(RESOURCE), "GET", "/notes", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="notes:read"' in answer.headers["www-authenticate"]


def test_the_body_is_there_for_details_and_for_the_endpoint(mint: Mint):
    order = {"type": "order", "amount": "5"}
    headers = mint_headers(mint, "POST", "/orders", scope="orders", authorization_details=[order])
    app, server = an_app(), mint.resource_server(RESOURCE)
    assert call(app, server, "POST", "/orders", headers=headers, json=order).json() == order
    headers = mint_headers(mint, "POST", "/orders", scope="orders", authorization_details=[order])
    other = call(app, server, "POST", "/orders", headers=headers, json={**order, "amount": "6"})
    assert (other.status_code, other.json()["error"]) == (403, "insufficient_authorization_details")


def test_only_what_is_public_answers_a_stranger(mint: Mint):
    app, server = an_app(), mint.resource_server(RESOURCE)
    statuses = {
        path: call(app, server, "GET", path).status_code
        for path in ("/health", "/notes", "/silent", "/docs", "/openapi.json", "/nowhere")
    }
    assert statuses == {
        "/health": 200,
        "/notes": 401,
        "/silent": 401,
        "/docs": 401,
        "/openapi.json": 401,
        "/nowhere": 401,
    }


def test_openapi_names_schemes_and_refusals():
    app = an_app()
    document(app)
    schema = app.openapi()
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "dpop"}
    notes = schema["paths"]["/notes"]["get"]
    assert notes["security"] == [{"bearer": ["notes:read"]}, {"dpop": ["notes:read"]}]
    assert {"200", "401", "403", "503"} <= set(notes["responses"])
    assert "401" not in schema["paths"]["/health"]["get"]["responses"]


@pytest.mark.parametrize(
    ("settings", "schemes"),
    [
        ({"bindings": ["dpop"]}, ["dpop"]),
        ({"bindings": ["mtls"]}, ["bearer"]),
        ({}, ["bearer", "dpop"]),
    ],
    ids=str,
)
def test_openapi_names_the_schemes_alone_that_the_server_takes(
    mint: Mint, settings: dict[str, Any], schemes: list[str]
):
    app = an_app()
    document(app, mint.resource_server(RESOURCE, profile="fapi2-security", **settings))
    schema = app.openapi()
    assert sorted(schema["components"]["securitySchemes"]) == schemes
    assert schema["paths"]["/notes"]["get"]["security"] == [{name: ["notes:read"]} for name in schemes]


def test_the_audit_lists_every_route_websockets_included():
    policies = {f"{' '.join(r.methods)} {r.path}": str(r.policy) for r in asgi_mw.audit(an_app())}
    assert policies["GET /notes"] == "Access('notes:read')"
    assert policies["GET /health"] == "public"
    assert policies["GET /silent"] == "None"
    assert policies["WEBSOCKET /feed"] == "Access('feed')"
    assert policies["POST /orders"] == "Access('orders', details=...)"


def test_the_audit_can_fail_start_up():
    with pytest.raises(ConfigurationError, match="GET /silent") as caught:
        asgi_mw.audit(an_app(), every_route_explicit=True)
    assert "/health" not in caught.value.facts["routes"]
