"""The door before a FastAPI app: what routers add, what route classes do, and the paths that FastAPI sets itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import fastapi
import pytest
from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse

import asgi_mw
from asgi_mw.fastapi import Access, public
from tests.rskit.door import Ran, ask_asgi
from tests.rskit.mothers import a_server, a_token

RAN = Ran()
WITH_TOKEN = {"authorization": f"Bearer {a_token()}"}


@pytest.fixture(autouse=True)
def _nothing_has_run() -> None:
    RAN.clear()


async def tenant() -> None:
    RAN("tenant")


async def page_number(page: int = 1) -> int:
    RAN("page_number")
    return page


class TimedRoute(APIRoute):
    def get_route_handler(self) -> Any:
        inner = super().get_route_handler()

        async def timed(request: fastapi.Request) -> Any:
            RAN("TimedRoute")
            return await inner(request)

        return timed


async def refuse_input(request: fastapi.Request, error: Exception) -> JSONResponse:
    RAN("refuse_input")
    return JSONResponse({}, 422)


@public()
async def news(page: Annotated[int, Depends(page_number)]) -> int:
    RAN("news")
    return page


async def accounts() -> str:
    RAN("accounts")
    return "SECRET"


class OwnRouter(fastapi.APIRouter):
    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        RAN("OwnRouter")
        await super().handle(scope, receive, send)


def a_router(make: type[fastapi.APIRouter] = fastapi.APIRouter, **settings: Any) -> fastapi.APIRouter:
    router = make(**settings)
    router.get("/news")(news)
    router.get("/accounts")(accounts)
    return router


def an_app(
    router: fastapi.APIRouter | None = None, including: Any = None, **settings: Any
) -> fastapi.FastAPI:
    app = fastapi.FastAPI(**settings)
    app.include_router(router or a_router(), **(including or {}))
    return app


def direct(**settings: Any) -> fastapi.FastAPI:
    app = fastapi.FastAPI(**settings)
    app.get("/news")(news)
    app.get("/accounts")(accounts)
    return app


TENANT = [Depends(tenant)]
BUILT: dict[str, tuple[Any, Any]] = {
    "a dependency of the app": (lambda: direct(dependencies=TENANT), tenant),
    "a dependency of the app, of an included route": (lambda: an_app(dependencies=TENANT), tenant),
    "a dependency of the router": (lambda: an_app(a_router(dependencies=TENANT)), tenant),
    "a dependency of the inclusion": (lambda: an_app(including={"dependencies": TENANT}), tenant),
    "a dependency of an inclusion further out": (
        lambda: an_app(nested(), including={"dependencies": TENANT}),
        tenant,
    ),
    "a route class": (lambda: an_app(a_router(route_class=TimedRoute)), TimedRoute),
    "a router class": (lambda: an_app(a_router(OwnRouter)), OwnRouter),
    "a handler of input": (
        lambda: an_app(exception_handlers={RequestValidationError: refuse_input}),
        refuse_input,
    ),
    "a mounted app's own": (lambda: mounting(direct(dependencies=TENANT)), tenant),
}


def nested() -> fastapi.APIRouter:
    outer = fastapi.APIRouter()
    outer.include_router(a_router())
    return outer


def mounting(inner: fastapi.FastAPI) -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    app.mount("", inner)
    return app


@pytest.mark.parametrize("app", [an_app(), direct(), an_app(nested()), mounting(direct())])
def test_the_plain_app_needs_no_settings(app: fastapi.FastAPI):
    protected = asgi_mw.Protect(app, a_server())
    assert ask_asgi(protected, "GET", "/news?page=2").json() == 2
    assert ask_asgi(protected, "GET", "/news?page=x").status_code == 422
    for path in ("/accounts", "/docs", "/openapi.json", "/nowhere", "/news/"):
        assert ask_asgi(protected, "GET", path).status_code == 401
    # What an endpoint itself depends on is part of it.
    assert RAN == ["page_number", "news"]
    assert ask_asgi(protected, "GET", "/accounts", WITH_TOKEN).json() == "SECRET"


@pytest.mark.parametrize("built", BUILT)
def test_what_is_added_around_a_public_endpoint_is_named_or_closes_it(built: str):
    make, layer = BUILT[built]
    app = asgi_mw.Protect(make(), a_server())
    for target in ("/news", "/news?page=x", "/accounts"):
        assert ask_asgi(app, "GET", target).status_code == 401
    assert RAN == []
    assert f"closed without a token by {__name__}.{layer.__name__}" in str(asgi_mw.audit(app))
    app = asgi_mw.Protect(make(), a_server(), around_public=[layer])
    assert ask_asgi(app, "GET", "/news").json() == 1
    assert ask_asgi(app, "GET", "/news?page=x").status_code == 422
    assert layer.__name__ in RAN
    RAN.clear()
    assert ask_asgi(app, "GET", "/accounts").status_code == 401
    assert RAN == []
    assert "closed without a token" not in str(asgi_mw.audit(app))


def test_the_access_that_a_router_demands_needs_no_name():
    app = an_app(including={"dependencies": [Access("accounts")]})
    protected = asgi_mw.Protect(app, a_server())
    assert ask_asgi(protected, "GET", "/news").status_code == 401
    assert ask_asgi(protected, "GET", "/news", WITH_TOKEN).json() == 1
    assert RAN == ["page_number", "news"]


def test_the_root_path_that_fastapi_sets_leads_nowhere_else():
    """It takes the place of the server's, and what is below it is matched without it."""

    def app(root_path: str) -> Any:
        made = fastapi.FastAPI()
        made.root_path = root_path
        made.get("/accounts")(accounts)
        made.get("/{anything:path}")(public()(lambda anything: anything))
        return asgi_mw.Protect(made, a_server())

    assert ask_asgi(app(""), "GET", "/api/accounts").json() == "api/accounts"
    assert ask_asgi(app("/api"), "GET", "/api/accounts").status_code == 401
    assert ask_asgi(app("/api"), "GET", "/api/news").json() == "news"
    plain = direct()
    plain.root_path = "/api"
    assert ask_asgi(asgi_mw.Protect(plain, a_server()), "GET", "/api/news").json() == 1
    RAN.clear()
    assert RAN == []


def test_limits_of_the_body_are_the_framework_s_own():
    app = asgi_mw.Protect(an_app(a_router(max_body_size=10), max_body_size=10), a_server())
    assert ask_asgi(app, "GET", "/news").json() == 1


def test_a_middleware_of_the_app_is_named():
    for named, status in (([], 401), ([GZipMiddleware], 200)):
        app = direct()
        app.add_middleware(GZipMiddleware)
        protected = asgi_mw.Protect(app, a_server(), around_public=named)
        assert ask_asgi(protected, "GET", "/news").status_code == status


def test_a_function_of_app_middleware_is_named_by_itself():
    app = direct()

    @app.middleware("http")
    async def timing(request: fastapi.Request, call_next: Any) -> Any:
        RAN("timing")
        return await call_next(request)

    @app.middleware("http")
    async def lucky(request: fastapi.Request, call_next: Any) -> Any:
        RAN("lucky")
        return JSONResponse("SECRET")

    assert (
        ask_asgi(asgi_mw.Protect(app, a_server(), around_public=[timing]), "GET", "/news").status_code == 401
    )
    assert RAN == []
    app_of_both = asgi_mw.Protect(app, a_server(), around_public=[timing, lucky])
    assert ask_asgi(app_of_both, "GET", "/news").status_code == 401
    assert RAN == ["lucky"]


def test_an_application_that_mounts_itself_is_listed_once(tmp_path: Path):
    (tmp_path / "index.html").write_text("page")
    app = direct()
    app.frontend("/site", directory=tmp_path)
    app.mount("/again", app)
    protected = asgi_mw.Protect(app, a_server())
    listed = [route.path for route in asgi_mw.audit(protected)]
    assert listed.count("/news") == 1
    assert {"/again", "/site"} <= {*listed}
    assert ask_asgi(protected, "GET", "/again/again/news").json() == 1
    for path in ("/again/again/accounts", "/site/index.html", "/again" * 70 + "/news"):
        assert ask_asgi(protected, "GET", path).status_code == 401
    assert ask_asgi(protected, "GET", "/site/index.html", WITH_TOKEN).text == "page"
