"""What an ASGI app may do with `send` and `receive` beside awaiting them at once, as frameworks do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.wsgi import WsgiToAsgi
from starlette.requests import Request

import asgi_mw
from asgi_mw.stream import TokenEnded
from rskit import errors as rs
from rskit.policy.checked_request import KEY
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.rskit.mothers import ISSUER, a_server
from tests.rskit.streams import a_scope

START = {"type": "http.response.start", "status": 200, "headers": []}
BEGINNINGS = {"http": [START, {"type": "http.response.body", "body": b"1", "more_body": True}]}
BEGINNINGS["websocket"] = [{"type": "websocket.accept"}]


class Client:
    """The server's side: what the client says, one by one, and what it was sent."""

    def __init__(self, kind: str = "http") -> None:
        self.says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.says.put_nowait({"type": "websocket.connect" if kind == "websocket" else "http.request"})
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def kinds(self) -> list[str]:
        return [message["type"].rpartition(".")[2] for message in self.sent]


def run(app: Callable[[Any, Any, Any, Client], Any], kind: str = "http", **settings: Any) -> Client:
    """The client as it was left by an app that may speak for it too."""

    async def go() -> Client:
        client = Client(kind)

        async def with_client(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send, client)

        protected = asgi_mw.Protect(with_client, a_server(**settings))
        await asyncio.wait_for(protected(a_scope(kind), client.says.get, client.send), 5)
        return client

    return asyncio.run(go())


def test_what_is_sent_before_a_refusal_was_awaited_is_replaced_too():
    async def hasty(scope: Any, receive: Any, send: Any, client: Client) -> None:
        scope[KEY].refuse(rs.RevokedToken("no longer"))
        await asyncio.gather(send(START), send({"type": "http.response.body", "body": b"a secret"}))

    client = run(hasty)
    assert client.kinds == ["start", "body"]
    assert client.sent[0]["status"] == 401
    assert b"secret" not in client.sent[1]["body"]


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_stream_may_be_begun_from_a_thread(kind: str):
    """As by `run_coroutine_threadsafe(send(...), loop)`: the call is made where no loop runs."""
    denylist = Denylist(clock=FrozenClock())

    async def threaded(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await receive()
        loop = asyncio.get_running_loop()

        def begin() -> None:
            for message in BEGINNINGS[kind]:
                asyncio.run_coroutine_threadsafe(send(message), loop).result(5)

        await asyncio.to_thread(begin)
        denylist.revoke(ISSUER, subject="alice", until=NOW + 60)
        with pytest.raises(TokenEnded):
            await send({"type": "http.response.body", "body": b"2", "more_body": True})

    assert (
        run(threaded, kind, denylist=denylist).kinds
        == {
            "http": ["start", "body", "body"],
            "websocket": ["accept", "close"],
        }[kind]
    )


def test_send_is_told_for_a_coroutine_function():
    """asgiref warns about what it takes for none, and warnings are errors here."""

    async def bridged(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await asyncio.to_thread(async_to_sync(send), START)

    assert run(bridged).kinds == ["start"]


def test_a_wsgi_app_behind_asgiref_answers():
    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-length", "2")])
        return [b"ok"]

    async def wrapped(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await WsgiToAsgi(wsgi)({**scope, "http_version": "1.1"}, receive, send)

    client = run(wrapped)
    assert b"".join(message.get("body", b"") for message in client.sent) == b"ok"


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_refusal_ends_what_has_begun(kind: str):
    async def refusing(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await receive()
        for message in BEGINNINGS[kind]:
            await send(message)
        scope[KEY].refuse(rs.RevokedToken("no longer"))
        with pytest.raises(TokenEnded):
            await send({"type": f"{kind}.send", "more_body": True})
        assert (await receive())["type"] == f"{kind}.disconnect"

    assert (
        run(refusing, kind).kinds
        == {"http": ["start", "body", "body"], "websocket": ["accept", "close"]}[kind]
    )


@pytest.mark.parametrize("kind", ["http.response.body", "http.response.zerocopysend"])
def test_an_answer_that_goes_on_is_a_stream_however_it_is_sent(kind: str):
    denylist = Denylist(clock=FrozenClock())

    async def streaming(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await send(START)
        await send({"type": kind, "more_body": True})
        denylist.revoke(ISSUER, subject="alice", until=NOW + 60)
        with pytest.raises(TokenEnded):
            await send({"type": kind, "more_body": True})

    assert run(streaming, denylist=denylist).sent[-1]["more_body"] is False


def test_what_a_client_says_is_not_lost_on_an_app_that_stops_waiting():
    async def impatient(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        client.says.put_nowait({"type": "websocket.receive", "text": "pay"})
        while not client.says.empty():
            await asyncio.sleep(0)
        waiting.cancel()  # it has left the server's queue, and has not reached the app
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await receive())["text"] == "pay"

    assert run(impatient, "websocket").kinds == ["accept"]


def test_each_message_leaves_nothing_behind():
    async def long_lived(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(20):
            asyncio.get_running_loop().call_soon(client.says.put_nowait, {"type": "websocket.receive"})
            await receive()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) < 5

    run(long_lived, "websocket")


def test_of_two_who_wait_each_message_reaches_one():
    async def doubled(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        waiting = asyncio.gather(receive(), receive())
        for text in ("1", "2"):
            client.says.put_nowait({"type": "websocket.receive", "text": text})
        assert sorted(message["text"] for message in await waiting) == ["1", "2"]

    run(doubled, "websocket")


def test_a_stream_that_looks_for_its_client_learns_that_it_went():
    """Starlette's `is_disconnected` takes what is there at once, and never waits."""

    async def polling(scope: Any, receive: Any, send: Any, client: Client) -> None:
        request = Request(scope, receive)
        await request.body()
        for message in BEGINNINGS["http"]:
            await send(message)
        assert not await request.is_disconnected()
        client.says.put_nowait({"type": "http.disconnect"})
        while not await request.is_disconnected():
            await asyncio.sleep(0)

    run(polling)


@pytest.mark.parametrize("began", [[], BEGINNINGS["http"][:1], BEGINNINGS["http"]], ids=len)
def test_an_error_of_the_app_passes_as_it_is(began: list[dict[str, Any]]):
    async def broken(scope: Any, receive: Any, send: Any, client: Client) -> None:
        for message in began:
            await send(message)
        raise LookupError("a bug of the application")

    with pytest.raises(LookupError, match="a bug of the application"):
        run(broken)


def test_an_error_after_a_refusal_is_the_refusal_unless_the_answer_has_begun():
    async def refusing(scope: Any, receive: Any, send: Any, client: Client) -> None:
        scope[KEY].refuse(rs.RevokedToken("no longer"))
        raise LookupError("a bug of the application")

    assert run(refusing).sent[0]["status"] == 401

    async def begun(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await send(START)
        await refusing(scope, receive, send, client)

    with pytest.raises(LookupError, match="a bug of the application"):
        run(begun)


def test_the_app_lives_from_start_to_end_and_keys_are_fetched_meanwhile():
    server, lived = a_server(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        lived.append((await receive())["type"])

    class Driver:
        async def run(self, flow: Any) -> None:
            lived.append(next(flow).key)

        async def aclose(self) -> None:
            lived.append("closed")

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    server.async_driver = Driver()  # type: ignore[assignment]
    asyncio.run(asgi_mw.Protect(app, server)({"type": "lifespan"}, receive, receive))  # type: ignore[arg-type]
    assert lived == ["rs-warm", "lifespan.startup", "closed"]


def test_a_websocket_is_refused_after_its_client_was_heard():
    """Servers demand it: a denial, as any answer, follows the client's `websocket.connect`."""

    async def unreached(scope: Any, receive: Any, send: Any, client: Client) -> None:
        raise AssertionError("the app was asked")

    client = run(unreached, "websocket", resource="https://other.example")
    assert client.sent[0]["status"] == 401
    assert client.says.empty()


def test_nothing_goes_on_waiting_for_the_client_once_the_app_is_done():
    async def leaves(scope: Any, receive: Any, send: Any, client: Client) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0)
        await asyncio.sleep(0)

    async def go() -> set[asyncio.Task[Any]]:
        client = Client("websocket")

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await leaves(scope, receive, send, client)

        await asgi_mw.Protect(app, a_server())(a_scope("websocket"), client.says.get, client.send)
        await asyncio.sleep(0)
        timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        assert [timer for timer in timers if not timer.cancelled()] == []
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    assert asyncio.run(go()) == set()
