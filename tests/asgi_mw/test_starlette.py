"""Starlette under Protect: add_middleware, mounts, endpoint classes, websockets, `requires`, sync endpoints."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

import asgi_mw
from asgi_mw.starlette import Access, any_of, once, public, token_of
from rskit import ResourceServer
from tests.rskit.mothers import RESOURCE, a_server, a_token


@public()
async def health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("up")


async def silent(request: Request) -> PlainTextResponse:
    return PlainTextResponse("any token")


@Access("accounts")
def in_a_thread(request: Request) -> PlainTextResponse:
    return PlainTextResponse(token_of(request).subject or "")


@requires("accounts")
async def required(request: Request) -> PlainTextResponse:
    return PlainTextResponse("starlette's own")


@Access(any_of("admin", "accounts"))
async def either(request: Request) -> PlainTextResponse:
    return PlainTextResponse("either")


async def execute_once(request: Request) -> JSONResponse:
    return JSONResponse(await once(request, "payment 7", 60))


class Notes(HTTPEndpoint):
    @Access("accounts")
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("notes")

    @Access("admin")
    async def post(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("written")


@Access("admin")
async def feed(websocket: WebSocket) -> None:
    await websocket.accept()


@public()
class Open(HTTPEndpoint):
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("open")


def routes(static: Path) -> list[Any]:
    files = StaticFiles(directory=static)
    return [
        Route("/health", health),
        Route("/silent", silent),
        Route("/thread", in_a_thread),
        Route("/requires", required),
        Route("/either", either),
        Route("/once", execute_once),
        Route("/notes", Notes),
        Route("/open", Open),
        Mount("/sub", routes=[Route("/health", health), Route("/silent", silent)]),
        Mount("/static", app=public()(files)),
        Host("tenant.example", app=Starlette(routes=[Route("/health2", health)])),
        WebSocketRoute("/feed", feed),
    ]


@pytest.fixture(params=["around the app", "add_middleware", "in the constructor"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    (tmp_path / "logo.txt").write_text("logo")
    server: ResourceServer = a_server()
    if request.param == "in the constructor":
        return Starlette(
            routes=routes(tmp_path), middleware=[Middleware(asgi_mw.Protect, resource_server=server)]
        )
    inner = Starlette(routes=routes(tmp_path))
    if request.param == "around the app":
        return asgi_mw.Protect(inner, server)
    inner.add_middleware(asgi_mw.Protect, resource_server=server)
    return inner


def get(app: Any, path: str, token: str | None = None, method: str = "GET", **headers: str) -> Response:
    async def send() -> Any:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            credentials = {"authorization": f"Bearer {token}"} if token else {}
            return await client.request(method, path, headers={**credentials, **headers})

    answer: Response = asyncio.run(send())
    return answer


def test_what_is_public_and_nothing_else_answers_a_stranger(app: Any):
    open_ones = ["/health", "/open", "/sub/health", "/static/logo.txt"]
    closed = [
        "/silent",
        "/thread",
        "/requires",
        "/either",
        "/once",
        "/notes",
        "/sub/silent",
        "/sub",
        "/feed",
        "/x",
    ]
    statuses = {path: get(app, path).status_code for path in open_ones + closed}
    assert statuses == {**dict.fromkeys(open_ones, 200), **dict.fromkeys(closed, 401)}
    assert get(app, "/health2", host="tenant.example").status_code == 200
    assert get(app, "/silent", host="tenant.example").status_code == 401
    assert get(app, "/health", method="DELETE").status_code == 401


def test_with_a_token_the_routes_decide(app: Any):
    token = a_token()
    for path in ("/silent", "/thread", "/requires", "/either", "/notes", "/sub/silent"):
        assert get(app, path, token).status_code == 200, path
    assert get(app, "/notes", token, method="POST").status_code == 403
    assert get(app, "/nowhere", token).status_code == 404
    assert get(app, "/requires", a_token(scope="other")).status_code == 403


def test_starlette_s_own_user_is_the_token():
    @public()
    async def anybody(request: Request) -> JSONResponse:
        return JSONResponse([request.user.is_authenticated, request.user.display_name, request.user.identity])

    inner = Starlette(routes=[Route("/anybody", anybody), Route("/accounts", required)])
    app = asgi_mw.Protect(inner, a_server())
    assert get(app, "/anybody", a_token()).json() == [True, "alice", "https://as.example#alice"]  # type: ignore[attr-defined]
    assert get(app, "/anybody").json() == [False, "", ""]  # type: ignore[attr-defined]


def test_on_a_public_route_requires_refuses_a_stranger():
    app = asgi_mw.Protect(Starlette(routes=[Route("/", public()(required))]), a_server())
    assert get(app, "/").status_code == 403
    assert get(app, "/", a_token()).status_code == 200


def test_who_a_layer_further_out_knows_is_left_alone():
    @public()
    async def anybody(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.user.display_name)

    class Sessions(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            return AuthCredentials(["staff"]), SimpleUser("carol")

    app = asgi_mw.Protect(Starlette(routes=[Route("/", anybody)]), a_server())
    outer = AuthenticationMiddleware(app, Sessions())
    assert get(outer, "/").text == "carol"  # type: ignore[attr-defined]
    assert get(outer, "/", a_token()).text == "alice"  # type: ignore[attr-defined]


def test_once_is_once(app: Any):
    answers = [get(app, "/once", a_token()).text for _ in range(3)]  # type: ignore[attr-defined]
    assert answers == ["true", "false", "false"]


def test_a_websocket_route_is_guarded_before_it_is_accepted(app: Any):
    sent: list[Any] = []

    async def run(token: str) -> None:
        scope = {
            "type": "websocket",
            "path": "/feed",
            "raw_path": b"/feed",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
            "extensions": {"websocket.http.response": {}},
        }
        messages = [{"type": "websocket.connect"}]

        async def receive() -> Any:
            return messages.pop() if messages else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(run(a_token()))
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 403)
    sent.clear()
    asyncio.run(run(a_token(scope="admin")))
    assert sent[0]["type"] == "websocket.accept"


def test_an_endpoint_without_protect_around_it_is_an_error_not_an_open_door():
    app = Starlette(routes=[Route("/thread", in_a_thread)])
    with pytest.raises(RuntimeError, match=r"no asgi_mw\.Protect"):
        get(app, "/thread", a_token())


def test_a_middleware_that_changes_the_path_opens_nothing(tmp_path: Path):
    """What was let through as public may not be answered by what is not."""

    class Rewriting:
        def __init__(self, app: Any) -> None:
            self._app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope["path"] = "/silent"
            await self._app(scope, receive, send)

    inner = Starlette(routes=routes(tmp_path), middleware=[Middleware(Rewriting)])
    assert get(asgi_mw.Protect(inner, a_server()), "/health").status_code == 401


def test_an_app_whose_routes_are_unknown_is_wholly_protected():
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("bare")(scope, receive, send)

    app = asgi_mw.Protect(bare, a_server())
    assert get(app, "/").status_code == 401
    preflight = {"origin": "https://x.example", "access-control-request-method": "GET"}
    assert get(app, "/", method="OPTIONS", **preflight).status_code == 401
    assert get(app, "/", a_token()).status_code == 200


def test_a_token_on_a_public_route_is_there_to_be_read():
    @public()
    async def maybe(request: Request) -> PlainTextResponse:
        try:
            return PlainTextResponse(token_of(request).subject or "")
        except LookupError:
            return PlainTextResponse("nobody")

    app = asgi_mw.Protect(Starlette(routes=[Route("/", maybe)]), a_server())
    assert get(app, "/").text == "nobody"  # type: ignore[attr-defined]
    assert get(app, "/", a_token()).text == "alice"  # type: ignore[attr-defined]


def test_after_a_fresh_check_the_request_shows_the_fresh_token_everywhere():
    @Access("accounts", fresh=True)
    async def pay(request: Request) -> JSONResponse:
        return JSONResponse(request.scope["auth"] is token_of(request))

    protected = asgi_mw.Protect(Starlette(routes=[Route("/pay", pay)]), a_server())

    async def go() -> Any:
        transport = httpx.ASGITransport(app=protected)
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return (await client.get("/pay", headers={"Authorization": f"Bearer {a_token()}"})).json()

    assert asyncio.run(go()) is True
