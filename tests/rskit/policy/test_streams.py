"""A stream ends when its token does: one timer for websockets and answers without a length; chunks under WSGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import asgi_mw
import wsgi_mw
from asgi_mw.stream import TokenEnded
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.rskit.mothers import ISSUER, a_server, a_token
from tests.rskit.streams import a_running_clock, a_scope, a_websocket, run


async def sleepy_events(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True})


def token_about_to_end() -> str:
    # exp + skew lies a blink ahead of the running clock.
    return a_token(exp=NOW - 30 + 0.05, iat=int(NOW) - 60)


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_websocket_is_closed_when_its_token_ends():
    sent = run(a_websocket, a_scope("websocket", token_about_to_end()), a_server(clock=a_running_clock()))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == 1008


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_server_sent_events_end_with_their_token():
    sent = run(sleepy_events, a_scope("http", token_about_to_end()), a_server(clock=a_running_clock()))
    assert [message.get("body") for message in sent] == [None, b"data: 1\n\n", b""]
    assert sent[-1]["more_body"] is False


def test_a_revocation_ends_a_stream_at_its_next_message():
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    server = a_server(clock=clock, denylist=denylist)

    async def events(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"accept-charset", b"as long as content-length")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        denylist.revoke(ISSUER, subject="alice", until=NOW + 600)
        with pytest.raises(TokenEnded):
            await send({"type": "http.response.body", "body": b"2", "more_body": True})

    sent = run(events, a_scope(), server)
    assert [message.get("body") for message in sent] == [None, b"1", b""]


def test_what_a_client_says_after_a_revocation_is_not_heard():
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    heard: list[str] = []

    async def payments(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        heard.extend([(await receive())["type"] for _ in range(3)])

    says = ["websocket.connect", "websocket.receive", "websocket.receive"]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        if len(says) == 1:
            denylist.revoke(ISSUER, subject="alice", until=NOW + 600)
        return {"type": says.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    server = a_server(clock=clock, denylist=denylist)
    asyncio.run(asgi_mw.Protect(payments, server)(a_scope("websocket"), receive, send))
    assert heard == ["websocket.receive", "websocket.disconnect", "websocket.disconnect"]
    assert sent == ["websocket.accept", "websocket.close"]


def test_an_answer_with_a_length_is_never_cut():
    async def download(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"2"})

    sent = run(download, a_scope("http", token_about_to_end()), a_server(clock=a_running_clock()))
    assert [message.get("body") for message in sent] == [None, b"1", b"2"]


def test_a_websocket_without_a_token_is_refused_before_it_is_accepted():
    scope = {**a_scope("websocket"), "headers": []}
    sent = run(a_websocket, scope, a_server())
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 401
    assert any(name == b"www-authenticate" for name, _ in sent[0]["headers"])
    bare = {**scope, "extensions": {}}
    assert run(a_websocket, bare, a_server()) == [{"type": "websocket.close", "code": 1008}]


def test_a_page_of_another_origin_opens_no_websocket():
    foreign = (b"origin", b"https://evil.example")
    sent = run(a_websocket, a_scope("websocket", None, foreign), a_server())
    assert sent[0]["status"] == 403
    own = (b"origin", b"https://api.example")
    token, server = token_about_to_end(), a_server(clock=a_running_clock())
    assert run(a_websocket, a_scope("websocket", token, own), server)[0]["type"] == "websocket.accept"
    token, server = token_about_to_end(), a_server(clock=a_running_clock())
    listed = {"websocket_origins": ["https://evil.example"]}
    sent = run(a_websocket, a_scope("websocket", token, foreign), server, **listed)
    assert sent[0]["type"] == "websocket.accept"


def test_an_unknown_protocol_is_not_let_through():
    with pytest.raises(RuntimeError, match="not let through"):
        run(a_websocket, a_scope("gopher"), a_server())


def test_a_stream_under_wsgi_ends_between_chunks():
    clock = FrozenClock()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("content-type", "text/event-stream"), ("accept-charset", "x")])
        yield b"1"
        clock.advance(400)
        yield b"2"

    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/feed",
        "PATH_INFO": "/feed",
        "HTTP_AUTHORIZATION": f"Bearer {a_token()}",
    }
    started: list[str] = []
    protected = wsgi_mw.Protect(app, a_server(clock=clock))
    chunks = list(protected(environ, lambda status, headers, *_: started.append(status)))
    assert (started, chunks) == (["200 OK"], [b"1"])
