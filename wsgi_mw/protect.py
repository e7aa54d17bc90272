"""The outer layer of a WSGI app: nothing passes without a token that holds, save what is `public()`.

It serves the resource's metadata and renders every refusal itself.

Spec: FAPI2-SP 5.3.4; RFC 6750 3; RFC 9449 8.2; RFC 9728 3.1; FAPI1-BL 6.2.1-11 (RS-16, RS-19, RS-20)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from rskit.answers.challenge import headers_of
from rskit.decision import Allow, Refusal
from rskit.errors import NoCredentials
from rskit.health import several_processes
from rskit.policy.admission import KEY, TOKEN_KEY, Admission
from rskit.policy.current import CURRENT, during, in_turns
from rskit.policy.stream import StreamWatch
from rskit.policy.wiring import require_wiring
from rskit.resource_server import ResourceServer
from wsgi_mw.routes import find_view, flask_app_of, is_public
from wsgi_mw.stream import goes_on, watch_of
from wsgi_mw.view import Environ, view_of

WSGIApp: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
_EXPOSED: Final = ("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, x-fapi-interaction-id")
_LENGTH_OF_CONTENT_LENGTH: Final = len("content-length")
_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Protect:
    """`app.wsgi_app = Protect(app.wsgi_app, resource_server)`, or `Protect(app, resource_server)`."""

    def __init__(self, app: WSGIApp, resource_server: ResourceServer) -> None:
        require_wiring(app, resource_server)
        self._app = app
        self._server = resource_server

    @property
    def inner(self) -> WSGIApp:
        """The application that this protects."""
        return self._app

    @property
    def resource(self) -> str:
        return self._server.resource

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        server = self._server
        view = view_of(environ, server.interaction_id)
        if view.path == server.metadata_path and view.method in ("GET", "HEAD"):
            start_response(_STATUS[200], list(server.metadata_headers()))
            return [b"" if view.method == "HEAD" else server.metadata]
        if server.one_process and environ.get("wsgi.multiprocess"):
            refusal = server.refuse(several_processes(), view, None)
            return Guard(Admission(server, view, None), start_response).send_refusal(refusal)
        decision = server.check(view)
        if type(decision) is not Allow and isinstance(decision, Generator):
            decision = server.sync_driver.run(decision)
        admission = environ[KEY] = Admission(server, view, None)
        guard = Guard(admission, start_response)
        if type(decision) is Allow:
            admission.token = environ[TOKEN_KEY] = decision.token
        elif isinstance(decision, Refusal) and not (
            self._is_open(decision, environ) or server.excuses(decision, view, None)
        ):
            return guard.send_refusal(decision)
        before = CURRENT.set(admission)
        try:
            answer = self._app(environ, guard.start_response)
        except Exception:
            if admission.refusal is None or admission.started:
                raise
            return guard.send_refusal(admission.refusal)
        finally:
            CURRENT.reset(before)
        return guard.body(answer)

    def _is_open(self, refusal: Refusal, environ: Environ) -> bool:
        if not isinstance(refusal.error, NoCredentials):
            return False
        found = find_view(self._app, environ)
        return is_public(found) or (found is None and _is_preflight(self._app, environ))


class Guard:
    """One request on its way: completes the response's headers, or puts a refusal in its place."""

    __slots__ = ("_has_length", "_start_response", "admission")

    def __init__(self, admission: Admission, start_response: Callable[..., Any]) -> None:
        self.admission = admission
        self._start_response = start_response
        self._has_length = False

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if self.admission.refusal is not None and not self.admission.started:
            return _write_nothing  # `body` answers
        self.admission.started = True
        for name, _ in headers:
            if len(name) == _LENGTH_OF_CONTENT_LENGTH and name.lower() == "content-length":
                self._has_length = True
        headers = [*headers, *self._additions(nonce=True)]
        if exc_info:
            return self._start_response(status, headers, exc_info)
        return self._start_response(status, headers)

    def body(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        refusal = self.admission.refusal
        if refusal is not None:
            _close(answer)
            return [] if self.admission.started else self.send_refusal(refusal)
        if self.admission.started and (self._has_length or isinstance(answer, list | tuple)):
            self.admission.over = True
            return answer
        return self._in_chunks(answer)

    def _in_chunks(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        """An app that starts its answer with the first chunk, or a stream, which ends when its token does."""
        admission = self.admission
        watch: StreamWatch | None = None
        try:
            for number, chunk in enumerate(in_turns(answer, admission)):
                if number == 0:
                    watch = watch_of(admission)
                if not goes_on(watch, admission):
                    break
                yield chunk
            if admission.refusal is not None and not admission.started:
                yield from self.send_refusal(admission.refusal)
        finally:
            with during(admission):
                _close(answer)
            admission.over = True

    def send_refusal(self, refusal: Refusal) -> list[bytes]:
        self.admission.started = True
        self._start_response(_STATUS[refusal.status], [*headers_of(refusal), *self._additions(nonce=False)])
        return [b"" if self.admission.view.method == "HEAD" else refusal.body]

    def _additions(self, *, nonce: bool) -> list[tuple[str, str]]:
        view = self.admission.view
        extra = self.admission.server.response_headers(view, nonce=nonce)
        return [*extra, _EXPOSED] if view.cross_origin else extra


def _is_preflight(app: WSGIApp, environ: Environ) -> bool:
    """A CORS preflight that no view takes as a request of its own: CORS handling further in will answer."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and flask_app_of(app) is not None
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def _write_nothing(_: bytes) -> None:
    """The `write` of PEP 3333 for an answer that is replaced."""


def _close(answer: Iterable[bytes]) -> None:
    close = getattr(answer, "close", None)
    if close is not None:
        close()
