"""Records what an HTTP client sends: event hooks for httpx and httpx2, sync and async.

The body of an answer is recorded when somebody has read it. It is never read for the recording's own sake: a stream
stays a stream.

Spec: RFC 9110 8.4
Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

from fapikit.io.http_library import library_of
from fapikit_viewer.capture import MARK
from fapikit_viewer.capture.bodies import Copy
from fapikit_viewer.capture.message import Headers, MessageRecord
from fapikit_viewer.recording import Recording, never_fails

NewRecord: TypeAlias = Callable[[str], MessageRecord]
"""Takes the URL of a request, and returns the record of that message."""
_Hook: TypeAlias = Callable[[Any], Any]

LAST_SENT: Final[ContextVar[str | None]] = ContextVar("fapikit_viewer_last_sent", default=None)
"""The id of the message that was sent last in this context."""
_RECORD: Final = "fapikit_viewer.record"


def watch(client: Any, recording: Recording, new_record: NewRecord) -> None:
    """Add the hooks to a client. A second call for the same client and recording changes nothing."""
    hooks = client.event_hooks
    if any(getattr(hook, "recording", None) is recording for hook in hooks["request"]):
        return
    library = library_of(client)
    watched = _Hooks(library, recording, new_record)
    is_async = isinstance(client, library.AsyncClient)
    begin: _Hook = watched.abegin if is_async else watched.begin
    end: _Hook = watched.aend if is_async else watched.end
    client.event_hooks = {
        "request": [*hooks["request"], _Marked(begin, recording)],
        # First, because another hook may read the body.
        "response": [_Marked(end, recording), *hooks["response"]],
    }


class _Marked:
    """A hook that can be recognised."""

    def __init__(self, hook: _Hook, recording: Recording) -> None:
        self._hook = hook
        self.recording = recording

    def __call__(self, message: Any) -> Any:
        return self._hook(message)


class _Hooks:
    def __init__(self, library: Any, recording: Recording, new_record: NewRecord) -> None:
        self._library = library
        self._recording = recording
        self._new_record = new_record

    def begin(self, request: Any) -> None:
        with never_fails(self._recording):
            record = self._new_record(str(request.url))
            request.headers[MARK] = record.id
            LAST_SENT.set(record.id)
            request.extensions = {**request.extensions, _RECORD: record}
            body, length = _sent(self._library, request)
            record.request(request.method, str(request.url), _fields(request.headers), body, length)

    def end(self, response: Any) -> None:
        with never_fails(self._recording):
            done = self._answered(response)
            if done is not None:
                response.stream = _watched_stream(self._library.SyncByteStream)(response.stream, done)

    async def abegin(self, request: Any) -> None:
        self.begin(request)

    async def aend(self, response: Any) -> None:
        with never_fails(self._recording):
            done = self._answered(response)
            if done is not None:
                response.stream = _watched_async_stream(self._library.AsyncByteStream)(response.stream, done)

    def _answered(self, response: Any) -> _Done | None:
        record: MessageRecord | None = response.request.extensions.get(_RECORD)
        if record is None:
            return None
        record.answered()
        if response.is_stream_consumed:  # a transport of tests may have read it
            record.response(response.status_code, _fields(response.headers), response.content)
            return None
        return _Done(self._recording, record, response.status_code, _fields(response.headers))


class _Done:
    """Collects the body of an answer while somebody reads it, and records the answer at the end."""

    def __init__(self, recording: Recording, record: MessageRecord, status: int, headers: Headers) -> None:
        self._recording = recording
        self._record: MessageRecord | None = record
        self._status = status
        self._headers = headers
        self._copy = Copy(dict(headers).get("content-encoding", ""))

    def add(self, piece: bytes) -> None:
        self._copy.add(piece)

    def finish(self) -> None:
        record, self._record = self._record, None
        if record is None:
            return
        with never_fails(self._recording):
            record.response(self._status, self._headers, self._copy.octets, self._copy.length)


def _watched_stream(base: Any) -> Any:
    class WatchedStream(base):  # type: ignore[misc]
        def __init__(self, inner: Any, done: _Done) -> None:
            self._inner = inner
            self._done = done

        def __iter__(self) -> Iterator[bytes]:
            for piece in self._inner:
                self._done.add(piece)
                yield piece
            self._done.finish()

        def close(self) -> None:
            self._done.finish()
            self._inner.close()

    return WatchedStream


def _watched_async_stream(base: Any) -> Any:
    class WatchedAsyncStream(base):  # type: ignore[misc]
        def __init__(self, inner: Any, done: _Done) -> None:
            self._inner = inner
            self._done = done

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._inner:
                self._done.add(piece)
                yield piece
            self._done.finish()

        async def aclose(self) -> None:
            self._done.finish()
            await self._inner.aclose()

    return WatchedAsyncStream


def _sent(library: Any, request: Any) -> tuple[bytes | None, int | None]:
    """The body of a request and its length. A body that is a stream is not read."""
    try:
        return request.content, None
    except library.RequestNotRead:
        length = request.headers.get("content-length", "")
        return None, int(length) if length.isdigit() else None


def _fields(headers: Any) -> Headers:
    return [(name, value) for name, value in headers.multi_items()]
