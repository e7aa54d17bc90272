"""One API behind real sockets in both middlewares, which says what the application saw of a request."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from werkzeug.serving import make_server

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from rskit import ResourceServer
from tests.rskit.live.running import uvicorn_at
from wsgi_mw import flask as on_flask

LONG = b'{"long": "' + b"x" * 6000 + b'"}'
PAID: list[bytes] = []
"""The bodies with which the application was called at /payments."""


def _starlette() -> Starlette:
    @on_starlette.Access("payments")
    async def pay(request: Request) -> Response:
        PAID.append(await request.body())
        return JSONResponse(
            {
                "got": (await request.body()).decode(),
                "type": request.headers.get("content-type"),
                "coding": request.headers.get("accept-encoding"),
                "length": request.headers.get("content-length"),
            },
            201,
        )

    @on_starlette.Access(signed=True)
    async def signed(request: Request) -> Response:
        return JSONResponse({"signed": True})

    async def chunks() -> Any:
        yield b'{"a": '
        yield b"1}"

    async def parts(_: Request) -> Response:
        return StreamingResponse(chunks(), media_type="application/json")

    async def ticks() -> Any:
        while True:
            yield b"data: 1\n\n"
            await asyncio.sleep(0.001)

    async def events(_: Request) -> Response:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    async def packed(_: Request) -> Response:
        return Response(b"{}", headers={"content-encoding": "gzip"}, media_type="application/json")

    async def refused(_: Request) -> Response:
        return JSONResponse({"error": "no_funds"}, 422)

    @on_starlette.Access("administration")
    async def closed(_: Request) -> Response:
        return JSONResponse({})

    @on_starlette.public()
    async def health(_: Request) -> Response:
        return JSONResponse({"up": True})

    def plain(body: bytes, status: int = 200, media_type: str = "application/json") -> Any:
        async def endpoint(_: Request) -> Response:
            return Response(body, status, media_type=media_type)

        return endpoint

    every = ["GET", "POST", "DELETE"]
    return Starlette(
        routes=[
            Route("/payments", pay, methods=every),
            Route("/signed", signed, methods=every),
            Route("/parts", parts, methods=every),
            Route("/packed", packed, methods=every),
            Route("/events", events, methods=every),
            Route("/refused", refused, methods=every),
            Route("/closed", closed, methods=every),
            Route("/health", health, methods=every),
            Route("/long", plain(LONG), methods=every),
            Route("/nothing", plain(b"", 204), methods=every),
            Route("/text", plain(b"hello", media_type="text/plain"), methods=every),
            Route("/list", plain(b"[1]"), methods=every),
            Route("/claims", plain(b'{"aud": "me"}'), methods=every),
        ]
    )


def _flask() -> flask.Flask:
    app = flask.Flask("api", static_folder=None)

    def route(path: str) -> Any:
        return app.route(path, methods=["GET", "POST", "DELETE"], endpoint=path)

    @route("/payments")
    @on_flask.Access("payments")
    def pay() -> Any:
        body = flask.request.get_data()
        PAID.append(body)
        return {
            "got": body.decode(),
            "type": flask.request.headers.get("content-type"),
            "coding": flask.request.headers.get("accept-encoding"),
            "length": flask.request.headers.get("content-length"),
        }, 201

    @route("/signed")
    @on_flask.Access(signed=True)
    def signed() -> Any:
        return {"signed": True}

    @route("/parts")
    def parts() -> Any:
        return flask.Response(iter([b'{"a": ', b"1}"]), mimetype="application/json")

    @route("/events")
    def events() -> Any:
        return flask.Response(iter(lambda: b"data: 1\n\n", b""), mimetype="text/event-stream")

    @route("/packed")
    def packed() -> Any:
        return flask.Response(b"{}", headers={"content-encoding": "gzip"}, mimetype="application/json")

    @route("/refused")
    def refused() -> Any:
        return {"error": "no_funds"}, 422

    @route("/closed")
    @on_flask.Access("administration")
    def closed() -> Any:
        return {}

    @route("/health")
    @on_flask.public()
    def health() -> Any:
        return {"up": True}

    for path, body, status, kind in (
        ("/long", LONG, 200, "application/json"),
        ("/nothing", b"", 204, "application/json"),
        ("/text", b"hello", 200, "text/plain"),
        ("/list", b"[1]", 200, "application/json"),
        ("/claims", b'{"aud": "me"}', 200, "application/json"),
    ):
        answer = (body, status, {"content-type": kind})
        route(path)(lambda answer=answer: answer)
    return app


@contextmanager
def running(kind: str, server: ResourceServer, *, port: int = 0) -> Iterator[str]:
    """The base URL of the API under uvicorn or under a threaded WSGI server."""
    PAID.clear()
    if kind == "asgi":
        with uvicorn_at(asgi_mw.Protect(_starlette(), server), port=port) as url:
            yield url
        return
    app = _flask()
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]
    listening = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(10)


def members(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found
