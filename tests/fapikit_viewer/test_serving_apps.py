"""What apps receive is recorded, under ASGI and WSGI, and nothing changes for the app or for who calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fapikit.errors import FapiError, StoreUnavailable
from fapikit.refusals import tell
from fapikit_viewer import Party, Recorder, Recording, view_of
from fapikit_viewer.masking.message import MAX_BODY

BANK = "https://bank.example"


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "flow.jsonl", shown=("a",))


@pytest.fixture
def recorder(recording: Recording) -> Recorder:
    return Recorder(recording, Party("bank", "as", origins=(BANK,)))


App = Callable[[bytes], tuple[int, list[tuple[str, str]], list[bytes]]]
"""Takes the body of a request. Returns status, headers and the pieces of the answer."""


def asgi(app: App, *, reads: bool = True) -> Any:
    async def called(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while reads:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        status, headers, pieces = app(body)
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return called


def wsgi(app: App, *, reads: bool = True) -> Any:
    def called(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        status, headers, pieces = app(environ["wsgi.input"].read() if reads else b"")
        start_response(f"{status} Answer", headers)
        yield from pieces

    return called


Call = Callable[..., httpx.Response]


@pytest.fixture(params=["asgi", "wsgi"])
def call(request: pytest.FixtureRequest, recorder: Recorder) -> Call:
    """Sends one request to an app that is recorded."""

    def by_asgi(app: App, *, reads: bool = True, **sent: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(recorder.asgi(asgi(app, reads=reads)))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url=BANK) as client:
                return await client.request(**sent)

        return asyncio.run(ask())

    def by_wsgi(app: App, *, reads: bool = True, **sent: Any) -> httpx.Response:
        transport = httpx.WSGITransport(recorder.wsgi(wsgi(app, reads=reads)))  # type: ignore[arg-type]
        with httpx.Client(transport=transport, base_url=BANK) as client:
            return client.request(**sent)

    return by_asgi if request.param == "asgi" else by_wsgi


def of_kind(recording: Recording, kind: str) -> list[dict[str, Any]]:
    return [event for event in recording.read_all() if event["kind"] == kind]


def echo(body: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
    return (
        200,
        [("content-type", "application/json"), ("set-cookie", "session=abcdefgh; Secure")],
        [b'{"a":', b"1}"],
    )


def test_request_and_answer_are_recorded(call: Call, recording: Recording) -> None:
    response = call(echo, method="POST", url="/token?x=1", data={"a": "1", "code": "secret-code"})
    assert (response.status_code, response.json(), response.cookies["session"]) == (200, {"a": 1}, "abcdefgh")
    first, last = of_kind(recording, "message")
    assert first["response"] is None
    assert last["request"]["method"] == "POST"
    assert last["request"]["url"] == f"{BANK}/token?x=***"
    assert last["request"]["body"] == "a=1&code=***"
    assert last["response"]["body"] == '{"a":1}'
    assert ["set-cookie", "session=***; Secure"] in last["response"]["headers"]
    assert (last["from"], last["to"], last["channel"], last["by"]) == ("client", "bank", "back", "receiver")
    assert last["ms"] >= 0


@pytest.mark.parametrize(
    "sent",
    [
        {"headers": {"accept": "text/html"}},
        {"headers": {"sec-fetch-mode": "navigate"}},
        {"headers": {"cookie": "a=b"}},
        {"headers": {"origin": BANK}},
        {"url": "/authorize?client_id=a&response_type=code"},
        {"url": "/authorize?client_id=a&request_uri=urn:x"},
    ],
)
def test_what_a_browser_sends_is_the_front_channel(
    call: Call, recording: Recording, sent: dict[str, Any]
) -> None:
    call(echo, **{"method": "GET", "url": "/x", **sent})
    last = of_kind(recording, "message")[-1]
    assert (last["from"], last["channel"]) == ("browser", "front")


def test_a_message_that_its_sender_records_is_shown_once(call: Call, recording: Recording) -> None:
    call(echo, method="GET", url="/x", headers={"fapikit-recorded": "0123abcd"})
    assert {message["id"] for message in of_kind(recording, "message")} == {"0123abcd"}


@pytest.mark.parametrize("sent", ["x" * 65, "<script>", "a b"])
def test_an_id_that_cannot_be_one_is_not_taken_over(call: Call, recording: Recording, sent: str) -> None:
    call(echo, method="GET", url="/x", headers={"fapikit-recorded": sent})
    assert sent not in {message["id"] for message in of_kind(recording, "message")}


def test_a_refusal_stands_at_its_message_with_clause_and_remedy(call: Call, recording: Recording) -> None:
    def refusing(_: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        tell(FapiError("the code was used before", clause="RFC 6749 4.1.2b", code="invalid_grant"))
        return 400, [], []

    call(refusing, method="POST", url="/token")
    tell(FapiError("nobody listens here"))
    (checks,) = of_kind(recording, "checks")
    assert checks["about"] == of_kind(recording, "message")[-1]["id"]
    assert (checks["outcome"], checks["party"]) == ("refused", "bank")
    assert checks["error"] == {
        "class": "FapiError",
        "code": "invalid_grant",
        "clause": "RFC 6749 4.1.2b",
        "said": "the code was used before",
        "remedy": "the other side broke the protocol: tell its operator",
    }
    entry = view_of(recording.read_all())["entries"][0]
    assert entry["refused"]
    assert entry["meaning"] == "the code was used before"


def test_what_cannot_be_decided_is_no_refusal_by_a_rule(call: Call, recording: Recording) -> None:
    def failing(_: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        tell(StoreUnavailable("the store did not answer"))
        return 503, [], []

    call(failing, method="POST", url="/token")
    assert [checks["outcome"] for checks in of_kind(recording, "checks")] == ["undecided"]


def test_an_excused_refusal_is_none(call: Call, recording: Recording) -> None:
    def public(_: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        tell(FapiError("no access token came with the request"))
        return 200, [], [b""]

    call(public, method="GET", url="/x")
    assert of_kind(recording, "checks") == []


def test_a_refusal_by_redirect_is_one(call: Call, recording: Recording) -> None:
    def redirecting(_: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        tell(FapiError("the user refused"))
        return 303, [("location", "https://client.example/cb?error=access_denied")], []

    call(redirecting, method="POST", url="/decision")
    assert len(of_kind(recording, "checks")) == 1


def test_a_body_that_nobody_reads_is_told(call: Call, recording: Recording) -> None:
    call(echo, reads=False, method="POST", url="/x", data={"a": "1"})
    assert of_kind(recording, "message")[-1]["request"]["body"].endswith("too long to record]")


def test_a_long_answer_passes_whole_and_is_told(call: Call, recording: Recording) -> None:
    pieces = [b"x" * 1000] * (MAX_BODY // 1000 + 2)
    response = call(lambda _: (200, [("content-type", "text/plain")], pieces), method="GET", url="/x")
    assert response.content == b"".join(pieces)
    assert "too long to record" in of_kind(recording, "message")[-1]["response"]["body"]


def test_an_app_that_fails_fails_as_before(call: Call, recording: Recording) -> None:
    def failing(_: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(failing, method="GET", url="/x")
    assert of_kind(recording, "message")[-1]["response"] is None


def test_a_recorder_that_fails_fails_nobody(
    call: Call, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    def refusing(_: bytes) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        tell(FapiError("no"))
        return 400, [], [b"no"]

    monkeypatch.setattr(Recording, "append", fail)
    assert call(refusing, method="POST", url="/x", data={"a": "1"}).content == b"no"
    assert caplog.text.count("cannot record") == 1


def test_an_asgi_stream_is_not_held_up(recorder: Recorder, recording: Recording) -> None:
    seen: list[bytes] = []

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"1", b"2"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            assert seen[-1] == piece

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                seen.append(message["body"])

        scope = {"type": "http", "method": "GET", "path": "/events", "headers": [], "query_string": b""}
        await recorder.asgi(stream)(scope, receive, send)

    asyncio.run(run())
    assert seen == [b"1", b"2"]
    assert of_kind(recording, "message")[-1]["response"]["status"] == 200


def test_a_wsgi_stream_is_not_held_up_and_its_end_reaches_the_app(
    recorder: Recorder, recording: Recording
) -> None:
    closed: list[bool] = []

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            yield b"1"
            tell(FapiError("ended"))
            yield b"2"

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("401 Unauthorized", [])
        return Stream()

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "SERVER_NAME": "bank"}
    answer: Any = recorder.wsgi(app)(environ, lambda *_: lambda _: None)
    pieces = iter(answer)
    assert next(pieces) == b"1"
    assert of_kind(recording, "message")[-1]["response"] is None
    assert list(pieces) == [b"2"]
    answer.close()
    assert closed == [True]
    assert of_kind(recording, "checks")[0]["error"]["said"] == "ended"


def test_lifespan_and_websockets_pass(recorder: Recorder, recording: Recording) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def run() -> None:
        for kind in ("lifespan", "websocket"):
            await recorder.asgi(app)({"type": kind}, None, None)  # type: ignore[arg-type]

    asyncio.run(run())
    assert seen == ["lifespan", "websocket"]
    assert of_kind(recording, "message") == []
