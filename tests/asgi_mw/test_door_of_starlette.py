"""Nothing of a Starlette app runs for a stranger but what is public, and by name what is around it.

One app that keeps the rule, and a table of what may be built into it, each by itself: unnamed it closes what is public,
named it runs there, and in neither case does anything answer that was not asked for.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

import asgi_mw
from asgi_mw.starlette import public
from rskit.observe import Observe
from tests.asgi_mw.built_on_starlette import (
    BUILT,
    RAN,
    TIMING,
    Answering,
    Forgetting,
    Impatient,
    Layer,
    Limiting,
    Metrics,
    Mounting,
    Overriding,
    OwnConvertor,
    OwnRoute,
    Redirecting,
    Rewriting,
    RewritingInPlace,
    Timing,
    Twice,
    having,
    health,
    routes,
    with_router,
)
from tests.clocks import NOW
from tests.rskit.door import PREFLIGHT, ask_asgi, open_websocket
from tests.rskit.mothers import a_server, a_token

NAME = f"{Timing.__module__}.Timing"


@pytest.fixture(autouse=True)
def _nothing_has_run() -> None:
    RAN.clear()


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
                    assert (layer, path) in (
                        (Timing, "/health/"),
                        (OwnRoute, "/health"),
                        (OwnConvertor, "/health"),
                    )
                    RAN.remove("health")
                else:
                    assert answer.status_code == 401
    assert RAN == []
    said = [
        record.getMessage() for record in caplog.records if "is closed without a token" in record.getMessage()
    ]
    assert len(said) == 1
    assert layer.__name__ in said[0]
    assert "around_public=" in said[0]


def test_what_is_named_runs_around_what_is_public_and_nowhere_else(built: Any):
    make, layer, asked = built
    app = asgi_mw.Protect(make(), a_server(), around_public=[f"{layer.__module__}.{layer.__name__}"])
    for request, expected in asked:
        RAN.clear()
        assert ask_asgi(app, *request.split()).status_code in (200, 418, 500)
        assert expected == RAN
    RAN.clear()
    for path in ("/accounts", "/nowhere"):
        assert ask_asgi(app, "GET", path).status_code == 401
    assert {*RAN} <= {"OwnRoute"}  # the last route, asked whether it takes the request


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


@pytest.mark.parametrize("layer", [Answering, Redirecting])
def test_a_layer_inside_of_a_mount_does_not_answer_in_the_endpoint_s_place(layer: Any):
    inner = having(middleware=[Middleware(layer)])
    app = asgi_mw.Protect(Starlette(routes=[Mount("/in", app=inner)]), a_server(), around_public=[layer])
    answer = ask_asgi(app, "GET", "/in/health")
    assert (answer.status_code, answer.text) == (401, "")
    assert RAN == ["Answering"]


def test_another_route_to_the_same_endpoint_is_another_way():
    """What stands at that one has not been looked at."""

    class ToTheOther(Layer):
        def changed(self, scope: Any) -> Any:
            return {**scope, "path": "/other"}

    table = [Route("/health", health), Route("/other", health, middleware=TIMING)]
    app = asgi_mw.Protect(ToTheOther(Starlette(routes=table)), a_server(), around_public=[ToTheOther])
    assert ask_asgi(app, "GET", "/health").status_code == 401
    assert RAN == ["ToTheOther"]


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
    assert "Hiding has no attribute app that shows what it calls" in caplog.text
    assert "closed without a token by" in str(asgi_mw.audit(app))


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
        assert policies["/health"] == f"public, closed without a token by {NAME}"
        assert policies["/accounts"] is None
        named = asgi_mw.audit(added(Timing, asgi_mw.Protect, around_public=[Timing]))
        assert {route.path: route.policy for route in named}["/health"] == "public"
        assert named.around_public == (NAME,)
        assert f"around what is public: {NAME}" in str(named)


def test_the_audit_sees_what_the_door_sees(built: Any):
    make, layer, asked = built
    for named, closed in (([], True), ([layer], False)):
        app = asgi_mw.Protect(make(), a_server(), around_public=named)
        before = str(asgi_mw.audit(app))
        ask_asgi(app, *asked[0][0].split())
        assert str(asgi_mw.audit(app)) == before
        assert ("closed without a token by" in before) is closed
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


def test_what_is_closed_is_said_when_the_application_starts(caplog: pytest.LogCaptureFixture):
    sent: list[Any] = []

    async def go(app: Any) -> None:
        waiting = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

        async def receive() -> Any:
            return waiting.pop()

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan", "state": {}}, receive, send)

    asyncio.run(go(asgi_mw.Protect(having(middleware=TIMING), a_server())))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert f"/health is public and is closed without a token: {NAME} would run around it" in caplog.text
    caplog.clear()
    asyncio.run(go(asgi_mw.Protect(having(), a_server())))
    assert "is closed without a token" not in caplog.text


def test_where_refusals_are_only_observed_the_door_stands_open(caplog: pytest.LogCaptureFixture):
    until = dt.datetime.fromtimestamp(NOW, dt.UTC).date() + dt.timedelta(days=7)
    observing = a_server(observe=Observe(until, "the old app is replaced by then"))
    app = asgi_mw.Protect(
        having(middleware=[Middleware(Metrics), Middleware(Rewriting)]),
        observing,
        around_public=[Rewriting, Metrics],
    )
    for path, text in [("/pages/accounts", "SECRET"), ("/pages/metrics", "SECRET"), ("/accounts", "SECRET")]:
        caplog.clear()
        assert ask_asgi(app, "GET", path).text == text
        assert "observed, not enforced" in caplog.text
