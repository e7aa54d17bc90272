"""What HTTP clients send is recorded, with httpx and httpx2, sync and async, and nothing changes for the client."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from fapikit.errors import FapiError
from fapikit.http_message import HttpRequest
from fapikit.io import HttpSettings
from fapikit.io.sync_driver import SyncDriver
from fapikit_viewer import Party, Recorder, Recording

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
API = "https://api.example/accounts?state=abcdefghij"


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "flow.jsonl")


@pytest.fixture
def recorder(recording: Recording) -> Recorder:
    return Recorder(recording, Party("fintech", "client"))


def messages(recording: Recording) -> list[dict[str, Any]]:
    return [event for event in recording.read_all() if event["kind"] == "message"]


def answering(library: Any, **answer: Any) -> Any:
    return library.MockTransport(lambda request: library.Response(200, **answer))


@LIBRARIES
def test_a_request_is_written_at_once_and_again_with_its_answer(
    library: Any, recorder: Recorder, recording: Recording
) -> None:
    def answer(request: Any) -> Any:
        assert len(messages(recording)) == 1
        return library.Response(201, json={"active": True})

    client = recorder.watch(library.Client(transport=library.MockTransport(answer)))
    assert recorder.watch(client) is client  # a second time changes nothing
    response = client.post(API, data={"token": "secret-token"})
    assert response.json() == {"active": True}
    first, last = messages(recording)
    assert (first["response"], first["ms"]) == (None, None)
    assert first["id"] == last["id"] == response.request.headers["fapikit-recorded"]
    assert (last["from"], last["to"], last["channel"]) == ("fintech", "https://api.example", "back")
    assert last["request"]["body"] == "token=***"
    assert last["request"]["url"] == "https://api.example/accounts?state=***"
    assert last["response"]["status"] == 201
    assert json.loads(last["response"]["body"]) == {"active": True}
    assert last["ms"] >= 0


@LIBRARIES
def test_an_async_client_is_recorded_too(library: Any, recorder: Recorder, recording: Recording) -> None:
    async def call() -> Any:
        async with library.AsyncClient(transport=answering(library, json={"sub": "alice"})) as client:
            return await recorder.watch(client).get(API)

    assert asyncio.run(call()).json() == {"sub": "alice"}
    assert json.loads(messages(recording)[-1]["response"]["body"]) == {"sub": "alice"}


@LIBRARIES
def test_a_stream_stays_a_stream(library: Any, recorder: Recorder, recording: Recording) -> None:
    made = []

    class Slow(library.SyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            for number in range(3):
                made.append(number)
                yield b'{"n":1}' if number == 0 else b" "

    client = recorder.watch(
        library.Client(
            transport=answering(library, stream=Slow(), headers={"content-type": "application/json"})
        )
    )
    with client.stream("GET", API) as response:
        pieces = response.iter_raw()
        assert next(pieces) == b'{"n":1}'
        assert made == [0]
        assert messages(recording)[-1]["response"] is None
        list(pieces)
    assert messages(recording)[-1]["response"]["body"] == '{"n":1}'


@LIBRARIES
def test_an_async_stream_stays_one_and_what_nobody_reads_is_told(
    library: Any, recorder: Recorder, recording: Recording
) -> None:
    class Slow(library.AsyncByteStream):  # type: ignore[misc]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"first"
            raise AssertionError("nobody asked for more")

    async def call() -> None:
        client = recorder.watch(library.AsyncClient(transport=answering(library, stream=Slow())))
        async with client, client.stream("GET", API) as response:
            assert [await anext(response.aiter_raw())] == [b"first"]

    asyncio.run(call())
    assert messages(recording)[-1]["response"]["body"] == "[a body, 5 octets: not recorded]"


def test_a_request_that_is_a_stream_is_not_read(recorder: Recorder, recording: Recording) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"once"

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.read().decode())

    client = recorder.watch(httpx.Client(transport=httpx.MockTransport(answer)))
    assert client.post(API, content=pieces()).text == "once"
    assert "of unknown length" in messages(recording)[0]["request"]["body"]


def test_a_compressed_answer_is_recorded_unpacked_and_reaches_the_client_as_it_was(
    recorder: Recorder, recording: Recording
) -> None:
    packed = gzip.compress(b'{"sub":"alice"}')
    headers = {"content-encoding": "gzip", "content-type": "application/json"}

    class Packed(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield packed

    client = recorder.watch(httpx.Client(transport=answering(httpx, stream=Packed(), headers=headers)))
    with client.stream("GET", API) as response:
        assert b"".join(response.iter_raw()) == packed
    assert messages(recording)[-1]["response"]["body"] == '{"sub":"alice"}'


def test_a_call_that_fails_stays_without_an_answer(recorder: Recorder, recording: Recording) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody is there")

    client = recorder.watch(httpx.Client(transport=httpx.MockTransport(answer)))
    with pytest.raises(httpx.ConnectError):
        client.get(API)
    assert [message["response"] for message in messages(recording)] == [None]


def test_a_recorder_that_fails_fails_nobody(
    recorder: Recorder,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Recording, "append", fail)
    client = recorder.watch(httpx.Client(transport=answering(httpx, json={"a": 1})))
    assert client.get(API).json() == {"a": 1}
    recorder.passed([object()])
    recorder.refused(FapiError("no"))
    recorder.client(object())
    assert caplog.text.count("cannot record") == 1


def test_a_browser_is_the_front_channel(recording: Recording) -> None:
    browser = Recorder(recording, Party("browser", "browser"))
    browser.watch(httpx.Client(transport=answering(httpx, json={}))).get(API)
    assert messages(recording)[-1]["channel"] == "front"


def test_settings_record_each_client_that_is_made_with_them_and_errors_of_the_work(
    recorder: Recorder, recording: Recording
) -> None:
    client = httpx.Client(transport=answering(httpx, json={}))
    settings = recorder.http(HttpSettings(client=client))

    def flow(url: str) -> Any:
        from fapikit.flow import http

        yield from http(HttpRequest("GET", url))
        raise FapiError("the answer is wrong", clause="RFC 6749 5.1")

    driver = SyncDriver(settings)
    with pytest.raises(FapiError):
        driver.run(flow("https://bank.example/token"))
    with pytest.raises(FapiError):
        driver.run(flow("http://insecure.example/token"))
    events = recording.read_all()
    sent = [event for event in events if event["kind"] == "message"]
    checked = [event for event in events if event["kind"] == "checks"]
    assert [(event["about"], event["error"]["said"]) for event in checked] == [
        (sent[0]["id"], "the answer is wrong"),
        (None, checked[1]["error"]["said"]),
    ]
    assert "https" in checked[1]["error"]["said"]
