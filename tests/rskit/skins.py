"""One small API in each framework, and one way to call it: what is true of one middleware is true of the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import flask
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from rskit import ResourceServer
from wsgi_mw import flask as on_flask

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Call = Callable[..., Answer]
"""call(method, path, headers) -> Answer; `path` is the raw request target."""

Skin = Callable[..., Call]
"""skin(server, details=...) -> call"""

Rules = Mapping[str, Mapping[str, Any]]
"""path -> arguments of Access, or {"public": True}, or {} for a route without a rule of its own."""


def starlette_call(server: ResourceServer, rules: Rules, details: Any = None) -> Call:
    app = asgi_mw.Protect(starlette_app(rules, details), server)

    async def send(method: str, path: str, headers: Pairs, body: bytes) -> Answer:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://wherever") as client:
            # The path is handed on as it is: httpx would normalise it.
            request = client.build_request(method, "/", content=body)
            request.url = request.url.copy_with(raw_path=path.encode())
            request.headers = httpx.Headers([*request.headers.multi_items(), *headers])
            response = await client.send(request)
            return Answer(response.status_code, tuple(response.headers.multi_items()), response.content)

    def call(method: str, path: str, headers: Pairs = (), body: bytes = b"") -> Answer:
        return asyncio.run(send(method, path, headers, body))

    return call


def starlette_app(rules: Rules, details: Any = None) -> Starlette:
    def route(path: str, rule: Mapping[str, Any]) -> Route:
        async def endpoint(request: Request) -> JSONResponse:
            checked = on_starlette.checked_request_of(request)
            return JSONResponse({"path": path, "sub": checked.token.subject if checked.token else None})

        endpoint.__name__ = path.strip("/") or "root"
        guarded: Any = endpoint
        if rule.get("public"):
            guarded = on_starlette.public()(endpoint)
        elif rule:
            scopes, rest = _split(rule, details, lambda request: request.json())
            guarded = on_starlette.Access(*scopes, **rest)(endpoint)
        return Route(path, guarded, methods=["GET", "POST"])

    async def broken(request: Request) -> PlainTextResponse:
        raise RuntimeError("a bug of the application")

    routes: list[Any] = [route(path, rule) for path, rule in rules.items()]
    routes.append(Mount("/inner", routes=[Route("/secret", broken)]))
    return Starlette(routes=routes)


def flask_call(server: ResourceServer, rules: Rules, details: Any = None) -> Call:
    app = flask_app(rules, details)
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]

    def call(method: str, path: str, headers: Pairs = (), body: bytes = b"") -> Answer:
        raw, _, query = path.partition("?")
        environ_overrides = {"RAW_URI": path, "REQUEST_URI": path, "QUERY_STRING": query}
        response = app.test_client().open(
            raw, method=method, headers=list(headers), data=body, environ_overrides=environ_overrides
        )
        return Answer(response.status_code, tuple(response.headers.items()), response.data)

    return call


def flask_app(rules: Rules, details: Any = None) -> flask.Flask:
    app = flask.Flask("api")

    def add(path: str, rule: Mapping[str, Any]) -> None:
        def view() -> Any:
            checked = on_flask.current_checked_request()
            return {"path": path, "sub": checked.token.subject if checked.token else None}

        view.__name__ = path.strip("/").replace("/", "_") or "root"
        guarded: Any = view
        if rule.get("public"):
            guarded = on_flask.public()(view)
        elif rule:
            scopes, rest = _split(rule, details, lambda request: request.get_json())
            guarded = on_flask.Access(*scopes, **rest)(view)
        app.add_url_rule(path, view_func=guarded, methods=["GET", "POST"])

    for path, rule in rules.items():
        add(path, rule)
    return app


def _split(rule: Mapping[str, Any], details: Any, body: Callable[[Any], Any]) -> tuple[Any, dict[str, Any]]:
    rest = dict(rule)
    scopes = rest.pop("scopes", ())
    if rest.pop("details", False):
        rest["details"] = lambda request: details(body(request)) if details else body(request)
    return scopes, rest


SKINS = {"asgi": starlette_call, "wsgi": flask_call}
