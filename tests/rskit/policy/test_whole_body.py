"""The body of a request is read before the application within its budget, and the application reads it once more."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import pytest

from asgi_mw.whole_body import read_whole_body as read_asgi
from fapikit.errors import ConfigurationError, FapiError
from rskit.errors import BodyCutShort, BodyTooLarge, BodyTooSlow
from rskit.policy.body_budget import BodyBudget
from wsgi_mw.whole_body import read_whole_body as read_wsgi

BUDGET = BodyBudget(octets=10, seconds=0.05)


def messages(*chunks: bytes, then: str = "http.disconnect") -> list[dict[str, Any]]:
    last = len(chunks) - 1
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": at < last} for at, chunk in enumerate(chunks)
    ]
    return [*parts, {"type": then}]


def asgi(sent: list[dict[str, Any]], length: str | None = None) -> tuple[bytes, list[dict[str, Any]]]:
    """The body, and what the application receives after it was read."""
    headers = [] if length is None else [(b"content-length", length.encode())]
    scope = {"type": "http", "headers": headers}

    async def run() -> tuple[bytes, list[dict[str, Any]]]:
        async def receive() -> dict[str, Any]:
            if not sent:
                await asyncio.Event().wait()
            return sent.pop(0)

        body, again = await read_asgi(scope, receive, BUDGET)
        return body, [dict(await again()), dict(await again())]

    return asyncio.run(run())


def test_an_asgi_application_reads_the_body_again_and_then_the_disconnect() -> None:
    body, received = asgi(messages(b"one", b"", b"two"))
    assert body == b"onetwo"
    assert received == [
        {"type": "http.request", "body": b"onetwo", "more_body": False},
        {"type": "http.disconnect"},
    ]


def test_a_websocket_has_no_body() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is received")

    async def run() -> tuple[bytes, Any]:
        return await read_asgi({"type": "websocket", "headers": []}, receive, BUDGET)

    assert asyncio.run(run()) == (b"", receive)


@pytest.mark.parametrize(
    "sent, length, error",
    [
        pytest.param([], "11", BodyTooLarge, id="announced: nothing is read"),
        pytest.param(messages(b"123456", b"78901"), None, BodyTooLarge, id="not announced"),
        pytest.param(messages(b"123456", b"78901"), "1", BodyTooLarge, id="announced as shorter"),
        pytest.param([], None, BodyTooSlow, id="does not come"),
        pytest.param([{"type": "http.disconnect"}], "3", BodyCutShort, id="ends early"),
        pytest.param([], "-1", BodyCutShort, id="negative"),
        pytest.param([], "1, 1", BodyCutShort, id="two lengths"),
        pytest.param([], "²", BodyCutShort, id="no digit of HTTP"),
    ],
)
def test_asgi_refuses(sent: list[dict[str, Any]], length: str | None, error: type[FapiError]) -> None:
    with pytest.raises(error):
        asgi(sent, length)


class Dribble(BytesIO):
    """One octet for each read, as a slow connection gives it."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(1, size or 0))


@pytest.mark.parametrize(
    "environ, body",
    [
        pytest.param({"CONTENT_LENGTH": "3", "wsgi.input": BytesIO(b"abcdef")}, b"abc", id="a length"),
        pytest.param({"CONTENT_LENGTH": "3", "wsgi.input": Dribble(b"abc")}, b"abc", id="in small pieces"),
        pytest.param({"CONTENT_LENGTH": "", "wsgi.input": BytesIO(b"abc")}, b"", id="no length, no end"),
        pytest.param(
            {
                "wsgi.input": BytesIO(b"abc"),
                "wsgi.input_terminated": True,
                "HTTP_TRANSFER_ENCODING": "chunked",
            },
            b"abc",
            id="chunked",
        ),
    ],
)
def test_a_wsgi_application_reads_the_body_again(environ: dict[str, Any], body: bytes) -> None:
    assert read_wsgi(environ, BUDGET) == body
    assert environ["CONTENT_LENGTH"] == str(len(body))
    assert environ["wsgi.input"].read() == body
    assert "HTTP_TRANSFER_ENCODING" not in environ


@pytest.mark.parametrize(
    "environ, error",
    [
        pytest.param(
            {"CONTENT_LENGTH": "11", "wsgi.input": None}, BodyTooLarge, id="announced: nothing is read"
        ),
        pytest.param(
            {"wsgi.input": BytesIO(b"12345678901"), "wsgi.input_terminated": True}, BodyTooLarge, id="chunked"
        ),
        pytest.param({"CONTENT_LENGTH": "4", "wsgi.input": BytesIO(b"abc")}, BodyCutShort, id="ends early"),
        pytest.param({"CONTENT_LENGTH": "x", "wsgi.input": BytesIO(b"abc")}, BodyCutShort, id="no number"),
    ],
)
def test_wsgi_refuses(environ: dict[str, Any], error: type[FapiError]) -> None:
    with pytest.raises(error):
        read_wsgi(environ, BUDGET)


@pytest.mark.parametrize(
    "setting", [{"octets": 0}, {"octets": 2**40}, {"octets": 1.5}, {"seconds": 0}, {"seconds": 601}]
)
def test_a_budget_is_bounded(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"BodyBudget\("):
        BodyBudget(**setting)
