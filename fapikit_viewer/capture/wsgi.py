"""Records what a WSGI app receives and answers. What the app sees and sends is not changed, and no stream waits.

Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from fapikit.refusals import listening
from fapikit_viewer.capture.message import Headers
from fapikit_viewer.capture.served import ABOUT, Served
from fapikit_viewer.recording import Party, Recording, never_fails

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_TOKEN: Final = "rskit.token"
"""Where `wsgi_mw` puts the token of a request that passes."""


class RecordedWSGIApp:
    """A WSGI app whose messages are recorded."""

    def __init__(self, app: WSGIApp, recording: Recording, party: Party) -> None:
        self.inner = app
        self._recording = recording
        self._party = party

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = _headers(environ)
        served = Served(
            self._recording,
            self._party,
            method=environ["REQUEST_METHOD"],
            url=lambda: _url(environ, self._party),
            headers=headers,
        )
        if "wsgi.input" in environ:
            environ["wsgi.input"] = _Input(environ["wsgi.input"], served)

        def started(status: str, fields: list[tuple[str, str]], *error: Any) -> Any:
            with never_fails(self._recording):
                served.answers(int(status.split(" ", 1)[0]), list(fields))
            write = start_response(status, fields, *error)

            def written(piece: bytes) -> Any:
                served.answered(piece)
                return write(piece)

            return written

        with _serving(served):
            try:
                answer = self.inner(environ, started)
            except BaseException:
                served.done(environ.get(_TOKEN))
                raise
        return _Answer(answer, served, environ)


class _Answer:
    """The app's answer, of which a copy is kept piece by piece."""

    def __init__(self, answer: Iterable[bytes], served: Served, environ: Environ) -> None:
        self._answer = answer
        self._served = served
        self._environ = environ

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._answer)
        while True:
            with _serving(self._served):
                try:
                    piece = next(pieces)
                except StopIteration:
                    return
                except BaseException:
                    self._served.done()
                    raise
            self._served.answered(piece)
            yield piece

    def close(self) -> None:
        close = getattr(self._answer, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._served.done(self._environ.get(_TOKEN))


class _Input:
    """`wsgi.input`, of which a copy is kept of what the app reads."""

    def __init__(self, stream: Any, served: Served) -> None:
        self._stream = stream
        self._served = served

    def read(self, *size: Any) -> bytes:
        return self._kept(self._stream.read(*size))

    def readline(self, *size: Any) -> bytes:
        return self._kept(self._stream.readline(*size))

    def readlines(self, *hint: Any) -> list[bytes]:
        return [self._kept(each) for each in self._stream.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        return (self._kept(each) for each in self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _kept(self, piece: bytes) -> bytes:
        self._served.received(piece)
        return piece


@contextmanager
def _serving(served: Served) -> Iterator[None]:
    before = ABOUT.set(served.id)
    try:
        with listening(served.refused):
            yield
    finally:
        ABOUT.reset(before)


def _headers(environ: Environ) -> Headers:
    fields = [
        (name[5:].replace("_", "-").lower(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    content = [
        (name.replace("_", "-").lower(), str(environ[name]))
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if environ.get(name)
    ]
    return [*fields, *content]


def _url(environ: Environ, party: Party) -> str:
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "localhost")
    origin = party.origins[0] if party.origins else f"{environ.get('wsgi.url_scheme', 'http')}://{host}"
    query = environ.get("QUERY_STRING", "")
    return f"{origin}{path}?{query}" if query else f"{origin}{path}"
