"""The sends for applications in this process: what they write, and what they read."""

from __future__ import annotations

import asyncio
from typing import Any

import django.http
import httpx
import pytest
import werkzeug.wrappers

from rskit.attacks import Answer, AsgiSender, WsgiSender
from rskit.testing.attacks.answer import read_answer
from rskit.testing.attacks.senders import target_of
from tests.rskit import django_project
from tests.rskit.testing.planted.planting import CERTIFICATE

URL = "https://api.example:8443//a/%2e%2E/b;x?q=%20&a=b"
HEADERS = [("X-One", "1"), ("X-Two", "2"), ("X-One", "3"), ("Content-Type", "text/plain")]


def asked_by_asgi(*arguments: Any, certificate: bytes | None = None) -> tuple[dict[str, Any], bytes, Answer]:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend((scope, (await receive()).get("body", b""), await receive()))
        await send(
            {"type": "http.response.start", "status": 201, "headers": [(b"x-answer", b"yes"), (b"a", b"1")]}
        )
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    answer = asyncio.run(AsgiSender(app, certificate=certificate)(*arguments))
    assert seen[2]["type"] in ("http.disconnect", "websocket.disconnect")
    return seen[0], seen[1], answer


def test_an_asgi_scope_has_the_target_as_it_is_written():
    scope, body, answer = asked_by_asgi("POST", URL, HEADERS, b"body")
    assert (scope["type"], scope["method"], scope["scheme"]) == ("http", "POST", "https")
    assert (scope["raw_path"], scope["path"]) == (b"//a/%2e%2E/b;x", "//a/../b;x")
    assert (scope["query_string"], scope["server"]) == (b"q=%20&a=b", ("api.example", 8443))
    assert scope["headers"][0] == (b"host", b"api.example:8443")
    assert [pair for pair in scope["headers"] if pair[0] == b"x-one"] == [(b"x-one", b"1"), (b"x-one", b"3")]
    assert "tls" not in scope["extensions"]
    assert (body, answer) == (b"body", (201, (("x-answer", "yes"), ("a", "1")), b"onetwo"))
    assert (answer.header("x-answer"), answer.header("absent")) == ("yes", None)


def test_a_host_header_of_the_attack_stands_alone():
    scope, _, _ = asked_by_asgi("GET", URL, [("Host", "evil.example")])
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"evil.example"]


def test_a_certificate_stands_where_a_handshake_puts_it():
    scope, _, _ = asked_by_asgi("GET", URL, [], certificate=CERTIFICATE)
    (pem,) = scope["extensions"]["tls"]["client_cert_chain"]
    assert pem.startswith("-----BEGIN CERTIFICATE-----\n")
    environ, _ = asked_by_wsgi("GET", URL, [], certificate=CERTIFICATE)
    assert environ["gunicorn.socket"].getpeercert(True) == CERTIFICATE


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "websocket.accept"}, {"type": "websocket.close"}], 101),
        ([{"type": "websocket.close"}], 403),
        ([{"type": "websocket.http.response.start", "status": 401, "headers": []}], 401),
        ([], 500),
    ],
)
def test_a_websocket_handshake_is_answered_as_a_server_would(messages: list[Any], status: int):
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(
            (scope["type"], scope["subprotocols"], (await receive())["type"], (await receive())["type"])
        )
        for message in messages:
            await send(message)

    headers = [("Sec-WebSocket-Protocol", "one, two")]
    assert asyncio.run(AsgiSender(app)("GET", "wss://api.example/feed", headers)).status == status
    assert scopes == [("websocket", ["one", "two"], "websocket.connect", "websocket.disconnect")]


def asked_by_wsgi(*arguments: Any, certificate: bytes | None = None) -> tuple[dict[str, Any], Answer]:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.extend((environ, environ["wsgi.input"].read()))
        start_response("201 Created", [("X-Answer", "yes")])("one")
        return ["two"]

    def encoded(environ: Any, start_response: Any) -> Any:
        written: list[bytes] = []

        def start(*given: Any) -> Any:
            write = start_response(*given)
            return lambda text: write(text.encode())

        written.extend(text.encode() for text in app(environ, start))
        return written

    answer = WsgiSender(encoded, certificate=certificate)(*arguments)
    return {**seen[0], "body": seen[1]}, answer


def test_a_wsgi_environ_is_as_servers_make_it():
    environ, answer = asked_by_wsgi("POST", URL, HEADERS, b"body")
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", "//a/../b;x")
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "//a/%2e%2E/b;x?q=%20&a=b"
    assert (environ["QUERY_STRING"], environ["HTTP_HOST"]) == ("q=%20&a=b", "api.example:8443")
    assert (environ["HTTP_X_ONE"], environ["HTTP_X_TWO"]) == ("1,3", "2")  # joined, as gunicorn does
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["body"]) == (
        "text/plain",
        "4",
        b"body",
    )
    assert answer == (201, (("X-Answer", "yes"),), b"onetwo")


def test_what_an_application_raises_is_a_500():
    async def asgi(*_: Any) -> None:
        raise RuntimeError("a bug")

    def wsgi(*_: Any) -> Any:
        raise RuntimeError("a bug")

    assert asyncio.run(AsgiSender(asgi)("GET", URL, [])) == (500, (), b"")
    assert WsgiSender(wsgi)("GET", URL, []) == (500, (), b"")


def test_an_endless_answer_is_cut():
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

    closed = []

    def wsgi(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.append(True)

    for answer in (asyncio.run(AsgiSender(asgi)("GET", URL, [])), WsgiSender(wsgi)("GET", URL, [])):
        assert answer.status == 200
        assert 1_000_000 < len(answer.body or b"") < 1_300_000
    assert closed == [True]


def test_a_target_stands_as_it_is():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["raw_path"]})

    def environ_app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [environ["RAW_URI"].encode()]

    for target in ("*", "http://localhost/accounts", "accounts"):
        assert asyncio.run(AsgiSender(app).target("GET", target, [])).body == target.encode()
        assert WsgiSender(environ_app).target("GET", target, []).body == target.encode()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://api.example/a?b", "/a?b"),
        ("https://api.example", "/"),
        ("https://api.example//x", "//x"),
        ("wss://api.example/feed", "/feed"),
    ],
)
def test_the_target_of_a_url(url: str, target: str):
    assert target_of(url) == target


def test_responses_of_test_clients_are_read():
    django_project.configure()
    pairs = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    assert read_answer(httpx.Response(200, headers=pairs, content=b"x")) == (
        200,
        (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("content-length", "1")),
        b"x",
    )
    flasks = read_answer(werkzeug.wrappers.Response(b"x", 201, pairs))
    assert (flasks.status, flasks.header("set-cookie"), flasks.body) == (201, "a=1, b=2", b"x")
    djangos = read_answer(django.http.HttpResponse(b"x", status=202, headers={"X-One": "1"}))
    assert (djangos.status, djangos.header("x-one"), djangos.body) == (202, "1", b"x")
