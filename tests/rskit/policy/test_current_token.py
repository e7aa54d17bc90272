"""`rskit.current_token()`: the token of the request under way, and of no other, wherever it is asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import flask
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from werkzeug.test import Client

import asgi_mw
import rskit
import wsgi_mw
from asgi_mw.starlette import Access, public
from tests.rskit.mothers import RESOURCE, a_server, a_token
from wsgi_mw import flask as on_flask


def who() -> str:
    """Code that nobody hands a request."""
    return rskit.current_token().subject or ""


def of(subject: str) -> dict[str, str]:
    return {"authorization": f"Bearer {a_token(sub=subject)}"}


async def aget(app: Any, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
        return await client.get(path, headers=headers)


def protected(*endpoints: Any) -> asgi_mw.Protect:
    routes = [Route(f"/{endpoint.__name__}", endpoint) for endpoint in endpoints]
    return asgi_mw.Protect(Starlette(routes=routes), a_server())


def assert_nobody() -> None:
    with pytest.raises(RuntimeError, match="there is no current request"):
        rskit.current_token()


def test_there_is_none_outside_of_a_request():
    assert_nobody()


def test_requests_that_overlap_see_their_own():
    async def slow(request: Request) -> PlainTextResponse:
        before = who()
        await asyncio.sleep(0)
        child = await asyncio.create_task(deep())
        return PlainTextResponse(f"{before} {child} {await asyncio.to_thread(who)} {who()}")

    async def deep() -> str:
        await asyncio.sleep(0)
        return who()

    app = protected(slow)

    async def all_at_once() -> list[str]:
        answers = await asyncio.gather(*(aget(app, "/slow", of(f"u{n}")) for n in range(20)))
        return [answer.text for answer in answers]

    assert asyncio.run(all_at_once()) == [" ".join([f"u{n}"] * 4) for n in range(20)]


def test_one_request_after_another_in_one_task_leaves_nothing_behind():
    async def name(request: Request) -> PlainTextResponse:
        return PlainTextResponse(who())

    async def broken(request: Request) -> PlainTextResponse:
        raise ValueError(who())

    @public()
    async def open_to_all(request: Request) -> PlainTextResponse:
        with pytest.raises(LookupError, match="has no access token"):
            rskit.current_token()
        return PlainTextResponse("nobody")

    app = protected(name, broken, open_to_all)

    async def one_task() -> None:
        assert (await aget(app, "/name", of("alice"))).text == "alice"
        assert_nobody()
        with pytest.raises(ValueError, match="bob"):
            await aget(app, "/broken", of("bob"))
        assert_nobody()
        assert (await aget(app, "/open_to_all")).text == "nobody"
        assert (await aget(app, "/name")).status_code == 401
        assert_nobody()

    asyncio.run(one_task())


def test_a_request_that_calls_another_application_gets_its_own_token_back():
    async def inner(request: Request) -> PlainTextResponse:
        return PlainTextResponse(who())

    other = protected(inner)

    async def outer(request: Request) -> PlainTextResponse:
        answer = await aget(other, "/inner", of("bob"))
        return PlainTextResponse(f"{answer.text} {who()}")

    assert asyncio.run(aget(protected(outer), "/outer", of("alice"))).text == "bob alice"


def test_a_worker_begun_in_a_request_does_not_act_for_its_caller_for_ever():
    workers: list[asyncio.Task[str]] = []
    go_on: list[asyncio.Event] = []

    async def worker() -> str:
        assert who() == "alice"  # the request is still under way
        go_on[0].set()
        await go_on[1].wait()
        return who()

    async def begin(request: Request) -> PlainTextResponse:
        workers.append(asyncio.create_task(worker()))
        await go_on[0].wait()
        return PlainTextResponse("begun")

    async def run() -> None:
        go_on.extend([asyncio.Event(), asyncio.Event()])
        await aget(protected(begin), "/begin", of("alice"))
        go_on[1].set()
        with pytest.raises(RuntimeError, match="is over"):
            await workers[0]

    asyncio.run(run())


def test_streams_and_background_tasks_are_part_of_their_request():
    seen: list[str] = []

    async def feed(request: Request) -> StreamingResponse:
        async def events() -> Any:
            yield who()
            await asyncio.sleep(0)
            yield who()

        return StreamingResponse(events(), background=BackgroundTask(lambda: seen.append(who())))

    assert asyncio.run(aget(protected(feed), "/feed", of("alice"))).text == "alicealice"
    assert seen == ["alice"]


def test_fastapi_s_threads_see_it_and_a_fresh_check_replaces_it():
    app = FastAPI()

    @app.get("/thread")
    def in_a_thread() -> str:
        return who()

    async def fresh(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(rskit.current_token() is request.auth is request.user))

    app.add_route("/fresh", Access("accounts", fresh=True)(fresh))
    guarded = asgi_mw.Protect(app, a_server())
    assert asyncio.run(aget(guarded, "/thread", of("alice"))).json() == "alice"
    assert asyncio.run(aget(guarded, "/fresh", of("alice"))).text == "True"


def a_flask_app() -> flask.Flask:
    app = flask.Flask("api")

    @app.get("/name")
    def name() -> str:
        assert flask.request.environ["rskit.token"] is rskit.current_token()
        return f"{who()} {on_flask.current_token.subject}"

    @app.get("/feed")
    def feed() -> Any:
        def events() -> Iterator[str]:
            yield who()
            yield who()

        return flask.Response(events())

    @app.get("/open")
    @on_flask.public()
    def open_to_all() -> str:
        assert "rskit.token" not in flask.request.environ
        with pytest.raises(LookupError):
            rskit.current_token()
        return "nobody"

    @app.get("/fresh")
    @on_flask.Access("accounts", fresh=True)
    def fresh() -> str:
        return str(rskit.current_token() is flask.request.environ["rskit.token"])

    @app.get("/kept")
    def kept() -> str:
        KEPT.append(copy_context())
        return KEPT[-1].run(who)

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server())  # type: ignore[method-assign]
    return app


KEPT: list[Any] = []


def test_under_wsgi_a_thread_that_serves_again_starts_anew():
    client = Client(a_flask_app())
    for subject in ("alice", "bob"):
        assert client.get("/name", headers=of(subject)).text == f"{subject} {subject}"
        assert_nobody()
        assert client.get("/feed", headers=of(subject)).text == subject * 2
        assert_nobody()
    assert client.get("/open").text == "nobody"
    assert client.get("/name").status_code == 401
    assert client.get("/fresh", headers=of("alice")).text == "True"


def test_under_wsgi_threads_see_their_own():
    client_app, together = a_flask_app(), threading.Barrier(8, timeout=10)

    def one(number: int) -> bool:
        together.wait()
        answers = [Client(client_app).get("/feed", headers=of(f"u{number}")).text for _ in range(5)]
        return answers == [f"u{number}" * 2] * 5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(8)))


@pytest.mark.parametrize("how", ["/kept", "a stream"])
def test_under_wsgi_a_context_that_is_kept_ends_with_its_request(how: str):
    KEPT.clear()
    if how == "/kept":
        assert Client(a_flask_app()).get("/kept", headers=of("alice")).text == "alice"
    else:

        def bare(environ: Any, start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [])
            KEPT.append(copy_context())
            yield who().encode()

        answer = Client(wsgi_mw.Protect(bare, a_server())).get("/", headers=of("alice"))
        assert answer.text == "alice"
    with pytest.raises(RuntimeError, match="is over"):
        KEPT[0].run(who)


def test_a_stream_that_the_server_leaves_does_not_stay_in_its_thread():
    def bare(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield who().encode()
        yield b"never"

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "HTTP_AUTHORIZATION": of("alice")["authorization"],
    }
    answer: Any = wsgi_mw.Protect(bare, a_server())(environ, lambda *_: None)
    assert next(iter(answer)) == b"alice"
    answer.close()
    assert_nobody()
