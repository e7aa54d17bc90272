"""The outer layer of a WSGI app: nothing passes without a token that holds, save what is `public()`.

It serves the resource's metadata and renders every refusal itself.

Spec: FAPI2-SP 5.3.4; RFC 6750 3; RFC 9449 8.2; RFC 9728 3.1; FAPI1-BL 6.2.1-11 (RS-16, RS-19, RS-20)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from rskit.admission import KEY, Admission
from rskit.challenge import headers_of
from rskit.decision import Allow, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.resource_server import ResourceServer
from wsgi_mw.routes import find_view, is_public
from wsgi_mw.view import Environ, view_of

WSGIApp: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Protect:
    """`app.wsgi_app = Protect(app.wsgi_app, resource_server)`, or `Protect(app, resource_server)`."""

    def __init__(self, app: WSGIApp, resource_server: ResourceServer) -> None:
        self._app = app
        self._server = resource_server

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        server = self._server
        view = view_of(environ)
        if view.path == server.metadata_path and view.method in ("GET", "HEAD"):
            start_response(_STATUS[200], list(server.metadata_headers()))
            return [b"" if view.method == "HEAD" else server.metadata]
        decision = server.check(view)
        if isinstance(decision, Generator):
            decision = server.sync_driver.run(decision)
        guard = Guard(Admission(server, view, None), start_response)
        if type(decision) is Allow:
            guard.admission.token = decision.token
        elif isinstance(decision, Refusal) and not self._is_open(decision, environ):
            return guard.send_refusal(decision)
        environ[KEY] = guard.admission
        return guard.body(self._app(environ, guard.start_response))

    def _is_open(self, decision: Decision, environ: Environ) -> bool:
        if not isinstance(decision, Refusal) or not isinstance(decision.error, NoCredentials):
            return False
        return is_public(find_view(self._app, environ))


class Guard:
    """One request on its way: completes the response's headers, or puts a refusal in its place."""

    __slots__ = ("_start_response", "_started", "admission")

    def __init__(self, admission: Admission, start_response: Callable[..., Any]) -> None:
        self.admission = admission
        self._start_response = start_response
        self._started = False

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if self.admission.refusal is not None and not self._started:
            return _write_nothing  # `body` answers
        self._started = True
        headers = [*headers, *self.admission.server.response_headers(self.admission.view, nonce=True)]
        return self._start_response(status, headers, *((exc_info,) if exc_info else ()))

    def body(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        refusal = self.admission.refusal
        if refusal is not None and not self._started:
            _close(answer)
            return self.send_refusal(refusal)
        return answer if self._started else self._late(answer)

    def _late(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        """An app that calls start_response with its first chunk."""
        try:
            for chunk in answer:
                if self.admission.refusal is not None and not self._started:
                    yield from self.send_refusal(self.admission.refusal)
                    return
                yield chunk
        finally:
            _close(answer)

    def send_refusal(self, refusal: Refusal) -> list[bytes]:
        self._started = True
        view = self.admission.view
        extra = self.admission.server.response_headers(view, nonce=False)
        self._start_response(_STATUS[refusal.status], [*headers_of(refusal), *extra])
        return [b"" if view.method == "HEAD" else refusal.body]


def _write_nothing(_: bytes) -> None:
    """The `write` of PEP 3333 for an answer that is replaced."""


def _close(answer: Iterable[bytes]) -> None:
    close = getattr(answer, "close", None)
    if close is not None:
        close()
