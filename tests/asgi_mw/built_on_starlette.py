"""A Starlette app that keeps the rule of the door, and what a team may build into it, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router

from asgi_mw.starlette import public
from tests.rskit.door import Ran

RAN = Ran()


@public()
async def health(request: Request) -> PlainTextResponse:
    RAN("health")
    return PlainTextResponse("up")


@public()
async def page(request: Request) -> PlainTextResponse:
    RAN("page")
    return PlainTextResponse("a page for everybody")


@public()
async def failing(request: Request) -> PlainTextResponse:
    RAN("failing")
    raise HTTPException(418)


@public()
async def broken(request: Request) -> PlainTextResponse:
    RAN("broken")
    raise ValueError("a bug of the application")


async def accounts(request: Request) -> PlainTextResponse:
    RAN("accounts")
    return PlainTextResponse("SECRET")


def routes() -> list[Any]:
    return [
        Route("/health", health),
        Route("/failing", failing),
        Route("/broken", broken),
        Route("/accounts", accounts, methods=["GET", "POST", "OPTIONS"]),
        Route("/pages/{path:path}", page, methods=["GET", "POST"]),
    ]


class Layer:
    """What a team writes: `app` shows what it is around."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            RAN(type(self).__name__)
            scope = self.changed(scope)
        await self.app(scope, receive, send)

    def changed(self, scope: Any) -> Any:
        return scope


class Timing(Layer):
    """Watches, and hands on."""


class Rewriting(Layer):
    """A request for a page becomes one for the accounts, in a copy of the scope."""

    def changed(self, scope: Any) -> Any:
        path = scope["path"].replace("/pages/accounts", "/accounts")
        return {**scope, "path": path, "raw_path": path.encode()}


class RewritingInPlace(Rewriting):
    def changed(self, scope: Any) -> Any:
        scope.update(super().changed(scope))
        return scope


class Forgetting(Rewriting):
    """Makes a scope of its own, and leaves out what it does not know."""

    def changed(self, scope: Any) -> Any:
        known = ("type", "method", "path", "raw_path", "query_string", "root_path", "headers", "app", "state")
        return {name: value for name, value in super().changed(scope).items() if name in known}


class Overriding(Layer):
    """A method that stands in a header takes the place of the request's own."""

    def changed(self, scope: Any) -> Any:
        method = dict(scope["headers"]).get(b"x-http-method-override")
        return {**scope, "method": method.decode()} if method else scope


class Mounting(Layer):
    """Prefixes a path, as a mount would."""

    def changed(self, scope: Any) -> Any:
        return {**scope, "root_path": "/pages"} if scope["path"] == "/pages/accounts" else scope


class Metrics(Layer):
    """Answers one path itself, as exporters do."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/pages/metrics":
            RAN("Metrics")
            await PlainTextResponse("SECRET")(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Answering(Layer):
    """Answers all by itself, with the status that its class has."""

    status = 200

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            RAN("Answering")
            await PlainTextResponse("SECRET", self.status)(scope, receive, send)


class Redirecting(Answering):
    status = 302


class Impatient(Layer):
    """Begins an answer, and then asks the application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"SECRET", "more_body": True})
        await super().__call__(scope, receive, send)


class Twice(Layer):
    """Asks for something else once the answer has gone."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await super().__call__(scope, receive, send)
        if scope["type"] == "http":
            await self.app({**scope, "path": "/accounts"}, receive, lambda message: None)


class Limiting(Layer):
    """Refuses by itself."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await PlainTextResponse("later", 429)(scope, receive, send)


async def dispatch(request: Request, call_next: Any) -> Any:
    RAN("dispatch")
    return await call_next(request)


async def handle(request: Request, error: Exception) -> PlainTextResponse:
    RAN("handle")
    return PlainTextResponse("handled", 418)


class OwnApp(Starlette):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        RAN("OwnApp")
        await super().__call__(scope, receive, send)


class OwnRouter(Router):
    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        RAN("OwnRouter")
        await super().app(scope, receive, send)


class OwnMount(Mount):
    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        RAN("OwnMount")
        await super().handle(scope, receive, send)


class OwnConvertor(StringConvertor):
    def convert(self, value: str) -> str:
        RAN("OwnConvertor")
        return value


register_url_convertor("of_the_door", OwnConvertor())


class OwnRoute(Route):
    def matches(self, scope: Any) -> Any:
        RAN("OwnRoute")
        return super().matches(scope)


def with_router(router: Router) -> Starlette:
    app = Starlette()
    app.router = router
    return app


def with_layer_at_the_route() -> Starlette:
    return Starlette(routes=[Route("/health", health, middleware=[Middleware(Timing)]), *routes()])


def with_route_called_by_another() -> Starlette:
    app = Starlette(routes=routes())
    app.routes[0].app = Timing(app.routes[0].app)  # type: ignore[attr-defined]
    return app


def with_stack_of_its_own() -> Starlette:
    app = Starlette(routes=routes())
    app.middleware_stack = Timing(app.build_middleware_stack())
    return app


def mounted(inner: Any, **settings: Any) -> Starlette:
    """`/health/` leads into a mounted application."""
    return Starlette(routes=[Mount("/health", app=inner, **settings), *routes()[1:]])


def having(**settings: Any) -> Starlette:
    return Starlette(routes=routes(), **settings)


def an_inner_app(**settings: Any) -> Starlette:
    return Starlette(routes=[Route("/", health)], **settings)


TIMING = [Middleware(Timing)]
TIMED = [("GET /health", ["Timing", "health"])]
TIMED_INSIDE = [("GET /health/", ["Timing", "health"])]
HANDLED = [("GET /failing", ["failing", "handle"]), ("GET /health", ["health"])]
BUILT: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "a middleware": (lambda: having(middleware=TIMING), Timing, TIMED),
    "a layer around the app": (lambda: Timing(having()), Timing, TIMED),
    "a function of app.middleware": (
        lambda: having(middleware=[Middleware(BaseHTTPMiddleware, dispatch=dispatch)]),
        dispatch,
        [("GET /health", ["dispatch", "health"])],
    ),
    "a stack of its own": (with_stack_of_its_own, Timing, TIMED),
    "an exception handler": (lambda: having(exception_handlers={HTTPException: handle}), handle, HANDLED),
    "a handler of a status": (lambda: having(exception_handlers={418: handle}), handle, HANDLED),
    "a handler of all errors": (
        lambda: having(exception_handlers={Exception: handle}),
        handle,
        [("GET /failing", ["failing"]), ("GET /broken", ["broken", "handle"])],
    ),
    "a router's middleware": (lambda: with_router(Router(routes(), middleware=TIMING)), Timing, TIMED),
    "an app class": (lambda: OwnApp(routes=routes()), OwnApp, [("GET /health", ["OwnApp", "health"])]),
    "a router class": (
        lambda: with_router(OwnRouter(routes())),
        OwnRouter,
        [("GET /health", ["OwnRouter", "health"])],
    ),
    "a route class": (
        lambda: Starlette(routes=[*routes(), OwnRoute("/own", health)]),
        OwnRoute,
        [
            ("GET /own", ["OwnRoute", "OwnRoute", "OwnRoute", "health"])
        ],  # asked at the door, at the gate, by Starlette
    ),
    "a path convertor": (
        lambda: Starlette(routes=[*routes(), Route("/own/{name:of_the_door}", health)]),
        OwnConvertor,
        [("GET /own/x", [*["OwnConvertor"] * 3, "health"])],
    ),
    "a mount class": (
        lambda: Starlette(routes=[OwnMount("/health", routes=[Route("/", health)]), *routes()[1:]]),
        OwnMount,
        [("GET /health/", ["OwnMount", "health"])],
    ),
    "a layer at the route": (with_layer_at_the_route, Timing, TIMED),
    "a route that another calls": (with_route_called_by_another, Timing, TIMED),
    "a layer at the mount": (
        lambda: mounted(Router([Route("/", health)]), middleware=TIMING),
        Timing,
        TIMED_INSIDE,
    ),
    "a mounted app's middleware": (lambda: mounted(an_inner_app(middleware=TIMING)), Timing, TIMED_INSIDE),
    "a layer around a mounted app": (lambda: mounted(Timing(an_inner_app())), Timing, TIMED_INSIDE),
    "a layer around what is public itself": (
        lambda: mounted(Timing(public()(PlainTextResponse("up")))),
        Timing,
        [("GET /health/", ["Timing"])],
    ),
    "a host's middleware": (
        lambda: Starlette(routes=[Host("api.example", app=having(middleware=TIMING))]),
        Timing,
        TIMED,
    ),
}
