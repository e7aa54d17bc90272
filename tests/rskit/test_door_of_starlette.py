"""Nothing of a Starlette app runs for a stranger but what is public, and by name what is around it.

One app that keeps the rule, and a table of what may be built into it, each by itself: unnamed it closes what is public,
named it runs there, and in neither case does anything answer that was not asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

import asgi_mw
from asgi_mw.starlette import public
from tests.rskit.door import PREFLIGHT, Ran, ask_asgi, open_websocket
from tests.rskit.mothers import a_server, a_token

RAN = Ran()


@pytest.fixture(autouse=True)
def _nothing_has_run() -> None:
    RAN.clear()


# --- the app, and what may be built into it ---


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


@pytest.fixture(params=BUILT)
def built(request: pytest.FixtureRequest) -> Any:
    return BUILT[request.param]


# --- the rule ---


def test_the_plain_app_needs_no_settings():
    app = asgi_mw.Protect(Starlette(routes=routes()), a_server())
    answers = {path: ask_asgi(app, "GET", path).status_code for path in ("/health", "/pages/x", "/failing")}
    assert answers == {"/health": 200, "/pages/x": 200, "/failing": 418}
    for method, path in [
        ("GET", "/accounts"),
        ("GET", "/nowhere"),
        ("GET", "/health/"),
        ("DELETE", "/health"),
    ]:
        assert ask_asgi(app, method, path).status_code == 401
    assert RAN == ["health", "page", "failing"]


def test_what_nobody_has_named_does_not_run_for_a_stranger(built: Any, caplog: pytest.LogCaptureFixture):
    make, layer, asked = built
    app = asgi_mw.Protect(make(), a_server())
    for path in ("/health", "/health/", "/accounts", "/nowhere", asked[0][0].split()[1]):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            for headers in (None, PREFLIGHT):
                answer = ask_asgi(app, method, path, headers)
                if answer.status_code == 200:  # at a single route: what is beside it stays open
                    assert (layer, path) in ((Timing, "/health/"), (OwnRoute, "/health"))
                    RAN.remove("health")
                else:
                    assert answer.status_code == 401
    assert RAN == []
    said = [record.getMessage() for record in caplog.records if "answers no stranger" in record.getMessage()]
    assert len(said) == 1
    assert layer.__name__ in said[0]
    assert "around_public=" in said[0]


def test_what_is_named_runs_around_what_is_public_and_nowhere_else(built: Any):
    make, layer, asked = built
    app = asgi_mw.Protect(make(), a_server(), around_public=[f"{__name__}.{layer.__name__}"])
    for request, expected in asked:
        RAN.clear()
        assert ask_asgi(app, *request.split()).status_code in (200, 418, 500)
        assert expected == RAN
    RAN.clear()
    for path in ("/accounts", "/nowhere"):
        assert ask_asgi(app, "GET", path).status_code == 401
    assert {*RAN} <= {"OwnRoute"}  # that route is asked whether it takes the request


def test_with_a_token_all_of_it_runs(built: Any):
    make, *_ = built
    app = asgi_mw.Protect(make(), a_server())
    credentials = {"authorization": f"Bearer {a_token()}"}
    assert ask_asgi(app, "GET", "/accounts", credentials).text == "SECRET"
    assert ask_asgi(app, "GET", "/nowhere", credentials).status_code in (404, 418)


@pytest.mark.parametrize(
    ("layer", "asked"),
    [
        (Rewriting, ("GET", "/pages/accounts")),
        (RewritingInPlace, ("GET", "/pages/accounts")),
        (Forgetting, ("GET", "/pages/accounts")),
        (Rewriting, ("POST", "/pages/accounts")),
        (Overriding, ("GET", "/pages/x")),
        (Mounting, ("GET", "/pages/accounts")),
    ],
)
@pytest.mark.parametrize("around", ["the app", "the router"])
def test_what_is_named_does_not_lead_a_stranger_elsewhere(layer: Any, asked: Any, around: str):
    if around == "the app":
        inner: Any = Starlette(routes=routes(), middleware=[Middleware(layer)])
    else:
        inner = with_router(Router(routes(), middleware=[Middleware(layer)]))
    app = asgi_mw.Protect(inner, a_server(), around_public=[layer])
    answer = ask_asgi(app, *asked, {"x-http-method-override": "POST"})
    assert (answer.status_code, answer.text) == (401, "")
    assert "www-authenticate" in answer.headers
    assert [layer.__name__] == RAN
    assert ask_asgi(app, "GET", "/health").status_code == 200


def test_a_layer_inside_of_a_mount_does_not_lead_a_stranger_elsewhere():
    inner = Starlette(routes=routes(), middleware=[Middleware(Rewriting)])
    app = asgi_mw.Protect(Starlette(routes=[Mount("/in", app=inner)]), a_server(), around_public=[Rewriting])
    # The path of a scope is whole, so that what the inner router sees changes with it.
    assert ask_asgi(app, "GET", "/in/pages/accounts").status_code == 401
    assert ask_asgi(app, "GET", "/in/pages/x").status_code == 200
    assert RAN == ["Rewriting", "Rewriting", "page"]


@pytest.mark.parametrize("layer", [Metrics, Impatient])
def test_what_is_named_does_not_answer_in_the_endpoint_s_place(layer: Any):
    inner = Starlette(routes=routes(), middleware=[Middleware(layer)])
    app = asgi_mw.Protect(inner, a_server(), around_public=[layer])
    answer = ask_asgi(app, "GET", "/pages/metrics")
    assert (answer.status_code, answer.text) == (401, "")
    assert "page" not in RAN


def test_what_is_named_may_refuse():
    app = asgi_mw.Protect(
        Starlette(routes=routes(), middleware=[Middleware(Limiting)]), a_server(), around_public=[Limiting]
    )
    assert ask_asgi(app, "GET", "/health").text == "later"
    assert ask_asgi(app, "GET", "/accounts").status_code == 401


def test_what_is_named_asks_for_nothing_else_afterwards():
    app = asgi_mw.Protect(
        Starlette(routes=routes(), middleware=[Middleware(Twice)]), a_server(), around_public=[Twice]
    )
    assert ask_asgi(app, "GET", "/health").status_code == 200
    assert RAN == ["Twice", "health"]


def test_what_does_not_show_where_it_leads_closes_what_is_public(caplog: pytest.LogCaptureFixture):
    class Hiding:
        def __init__(self, app: Any) -> None:
            self._app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            RAN("Hiding")
            await self._app(scope, receive, send)

    inner = Starlette(routes=routes(), middleware=[Middleware(Hiding)])
    inner.middleware_stack = inner.build_middleware_stack()
    app = asgi_mw.Protect(inner, a_server(), around_public=[Hiding])
    assert ask_asgi(app, "GET", "/health").status_code == 401
    assert RAN == []
    assert "Hiding does not show by an attribute app what it leads to" in caplog.text
    assert "closed to strangers by" in str(asgi_mw.audit(app))


# --- add_middleware, and the order of layers ---


def added(*layers: Any, **settings: Any) -> Starlette:
    """With layers around it, the last outermost, as add_middleware has it."""
    app = Starlette(routes=routes())
    for layer in layers:
        if layer is asgi_mw.Protect:
            app.add_middleware(layer, resource_server=a_server(), **settings)
        else:
            app.add_middleware(layer)
    return app


def test_the_order_of_add_middleware_decides_what_is_inside():
    assert ask_asgi(added(asgi_mw.Protect), "GET", "/health").status_code == 200
    assert ask_asgi(added(Metrics, asgi_mw.Protect), "GET", "/pages/x").status_code == 401
    RAN.clear()
    inside = added(Timing, asgi_mw.Protect, around_public=[Timing])
    assert ask_asgi(inside, "GET", "/health").status_code == 200
    assert ask_asgi(inside, "GET", "/accounts").status_code == 401
    assert RAN == ["Timing", "health"]


def test_the_audit_says_what_is_inside_and_what_is_outside():
    for ask_first in (False, True):
        app = added(Timing, asgi_mw.Protect, GZipMiddleware)
        if ask_first:
            ask_asgi(app, "GET", "/health")
        table = asgi_mw.audit(app)
        assert table.outside == ("starlette.middleware.gzip.GZipMiddleware",)
        policies = {route.path: route.policy for route in table}
        name = f"{__name__}.Timing"
        assert policies["/health"] == f"public, closed to strangers by {name}"
        assert policies["/accounts"] is None
        named = asgi_mw.audit(added(Timing, asgi_mw.Protect, around_public=[Timing]))
        assert {route.path: route.policy for route in named}["/health"] == "public"
        assert named.around_public == (name,)
        assert f"around what is public: {name}" in str(named)


def test_the_audit_sees_what_the_door_sees(built: Any):
    make, layer, asked = built
    for named, closed in (([], True), ([layer], False)):
        app = asgi_mw.Protect(make(), a_server(), around_public=named)
        before = str(asgi_mw.audit(app))
        ask_asgi(app, *asked[0][0].split())
        assert str(asgi_mw.audit(app)) == before
        assert ("closed to strangers by" in before) is closed
        assert "public" in before


# --- websockets, and what is no request ---


def test_a_websocket_obeys_the_same_rule():
    @public()
    async def feed(websocket: WebSocket) -> None:
        RAN("feed")
        await websocket.accept()
        await websocket.close()

    async def secret(websocket: WebSocket) -> None:
        RAN("secret")
        await websocket.accept()

    class ToTheSecret(Layer):
        def changed(self, scope: Any) -> Any:
            return {**scope, "path": "/secret"}

    table = [WebSocketRoute("/feed", feed), WebSocketRoute("/secret", secret)]
    plain = asgi_mw.Protect(Starlette(routes=table), a_server())
    assert open_websocket(plain, "/feed") == ["websocket.accept", "websocket.close"]
    assert open_websocket(plain, "/secret") == ["websocket.close"]
    inner = Starlette(routes=table, middleware=[Middleware(ToTheSecret)])
    for named in ([], [ToTheSecret]):
        app = asgi_mw.Protect(inner, a_server(), around_public=named)
        assert open_websocket(app, "/feed") == ["websocket.close"]
    assert RAN == ["feed", "ToTheSecret"]


def test_a_gate_leaves_the_lifespan_and_the_bare_app_alone():
    inner = Starlette(routes=routes())
    assert ask_asgi(asgi_mw.Protect(inner, a_server()), "GET", "/health").status_code == 200
    assert ask_asgi(inner, "GET", "/accounts").text == "SECRET"  # who serves it bare has no Protect
