"""A request without a token is compared with the routes up to the last public one, whatever the number of routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastapi
import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

import asgi_mw
from asgi_mw.starlette import public
from tests.rskit.door import ask_asgi
from tests.rskit.mothers import a_server


async def closed(request: Request) -> PlainTextResponse:
    return PlainTextResponse("SECRET")


@public()
async def opened(request: Request) -> PlainTextResponse:
    return PlainTextResponse("up")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The routes that were asked whether they take a request."""
    found: list[Any] = []
    whole = Route.matches

    def matches(self: Route, scope: Any) -> Any:
        found.append(self)
        return whole(self, scope)

    monkeypatch.setattr(Route, "matches", matches)
    monkeypatch.setattr("asgi_mw.starlette_way.replaced", lambda *_: ())  # the counting is no code of the app
    return found


def many() -> list[Any]:
    return [Route(f"/accounts/{number}", closed) for number in range(100)]


def test_no_route_is_asked_if_none_is_public(asked: list[Any]):
    app = asgi_mw.Protect(Starlette(routes=many()), a_server())
    assert ask_asgi(app, "GET", "/accounts/99").status_code == 401
    assert asked == []


def test_the_routes_behind_the_last_public_one_are_not_asked(asked: list[Any]):
    app = asgi_mw.Protect(Starlette(routes=[Route("/up", opened), *many()]), a_server())
    assert ask_asgi(app, "GET", "/accounts/99").status_code == 401
    assert [route.path for route in asked] == ["/up"]
    assert ask_asgi(app, "GET", "/up").status_code == 200


def test_a_closed_route_hides_a_public_one_behind_it():
    routes = [Route("/{page}", closed), Route("/up", opened)]
    assert ask_asgi(asgi_mw.Protect(Starlette(routes=routes), a_server()), "GET", "/up").status_code == 401


def test_what_is_mounted_is_looked_into():
    inner = Mount("/inner", routes=[Route("/up", opened)])
    app = asgi_mw.Protect(Starlette(routes=[*many(), inner]), a_server())
    assert ask_asgi(app, "GET", "/inner/up").status_code == 200


def test_what_is_mounted_closed_adds_no_routes_to_ask(asked: list[Any], tmp_path: Path):
    mounts = [Mount("/files", StaticFiles(directory=tmp_path)), Mount("/inner", routes=many())]
    app = asgi_mw.Protect(Starlette(routes=[*many(), *mounts]), a_server())
    assert ask_asgi(app, "GET", "/inner/accounts/99").status_code == 401
    assert asked == []


def test_a_public_route_that_is_added_to_a_mounted_router_is_open():
    inner = Router(many())
    app = asgi_mw.Protect(Starlette(routes=[Mount("/inner", inner)]), a_server())
    assert ask_asgi(app, "GET", "/inner/up").status_code == 401
    inner.routes.append(Route("/up", opened))
    assert ask_asgi(app, "GET", "/inner/up").status_code == 200


def test_a_router_that_mounts_itself_ends_the_look():
    inner = Router([Route("/a", closed)])
    inner.routes.append(Mount("/again", inner))
    app = asgi_mw.Protect(Starlette(routes=[Mount("/inner", inner)]), a_server())
    assert ask_asgi(app, "GET", "/inner/again/again/a").status_code == 401


def test_what_is_mounted_behind_a_layer_is_looked_into():
    layered = GZipMiddleware(Starlette(routes=[Route("/up", opened)]))
    inner = Starlette(routes=[Mount("/inner", layered)])
    app = asgi_mw.Protect(inner, a_server(), around_public=[GZipMiddleware])
    assert ask_asgi(app, "GET", "/inner/up").status_code == 200


def test_files_are_public_by_the_path_of_their_mount(tmp_path: Path):
    (tmp_path / "a.txt").write_text("for everybody")
    served = Starlette(routes=[Mount("/files", StaticFiles(directory=tmp_path))])
    app = asgi_mw.Protect(served, a_server(), public_routes=["/files"])
    assert ask_asgi(app, "GET", "/files/a.txt").status_code == 200


def test_a_path_is_named_where_its_router_is_mounted():
    shared = [Route("/up", closed)]
    app = Starlette(routes=[Mount("/a", routes=shared), Mount("/b", routes=shared)])
    protected = asgi_mw.Protect(app, a_server(), public_routes=["/b/up"])
    statuses = [ask_asgi(protected, "GET", path).status_code for path in ("/a/up", "/b/up", "/a/up")]
    assert statuses == [401, 200, 401]


def test_a_public_route_that_is_added_later_is_open():
    inner = Starlette(routes=many())
    app = asgi_mw.Protect(inner, a_server())
    assert ask_asgi(app, "GET", "/up").status_code == 401
    inner.router.routes.append(Route("/up", opened))
    assert ask_asgi(app, "GET", "/up").status_code == 200
    inner.router.routes[-1] = Route("/up", closed)
    assert ask_asgi(app, "GET", "/up").status_code == 401


def test_a_public_route_that_is_added_to_an_included_router_is_open():
    leaf, branch, inner = fastapi.APIRouter(), fastapi.APIRouter(), fastapi.FastAPI()
    leaf.get("/closed")(closed)
    branch.include_router(leaf, prefix="/leaf")
    inner.include_router(branch, prefix="/branch")
    app = asgi_mw.Protect(inner, a_server())
    assert ask_asgi(app, "GET", "/branch/leaf/up").status_code == 401
    late = inner if not hasattr(inner.routes[-1], "effective_candidates") else leaf
    late.get("/up" if late is leaf else "/branch/leaf/up")(opened)
    assert ask_asgi(app, "GET", "/branch/leaf/up").status_code == 200
