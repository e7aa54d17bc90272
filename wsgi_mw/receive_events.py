"""Around a WSGI app, outside of Protect: the path at which a transmitter of Shared Signals posts its events.

While the application runs, what other processes were told of is followed, and events are fetched if the receiver polls:
in threads, which the first request starts.

Spec: RFC 8935 2.1; RFC 9110 15.5.6
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from fapikit.secrets import Concealed
from fapikit.signals.push import PushAnswer
from rskit.errors import RequestRefused
from rskit.signals.push_request import BODY, EVENTS_PATH, NO_POST, unread_push
from rskit.signals.receiver import SignalReceiver
from wsgi_mw.gate import WSGIApp
from wsgi_mw.view import Environ
from wsgi_mw.whole_body import read_whole_body


class ReceiveEvents:
    """`app.wsgi_app = ReceiveEvents(Protect(app.wsgi_app, resource_server), receiver)`; for Django,
    `application = ReceiveEvents(get_wsgi_application(), receiver)`.

    `path`: that of the endpoint URL with which the stream was made.
    """

    def __init__(self, app: WSGIApp, receiver: SignalReceiver, *, path: str = EVENTS_PATH) -> None:
        self._app = app
        self._receiver = receiver
        self._path = path

    @property
    def app(self) -> WSGIApp:
        """The application inside, for the audit."""
        return self._app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._receiver.start()
        if environ.get("PATH_INFO") != self._path:
            return self._app(environ, start_response)
        answer = self._answer(environ)
        headers = [*answer.headers, ("content-length", str(len(answer.body)))]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [answer.body]

    def _answer(self, environ: Environ) -> PushAnswer:
        if environ["REQUEST_METHOD"] != "POST":
            return NO_POST
        try:
            body = Concealed(read_whole_body(environ, BODY))
        except RequestRefused as refused:
            return unread_push(refused)
        return self._receiver.sync_driver.run(
            self._receiver.push(
                authorization=Concealed(environ.get("HTTP_AUTHORIZATION")),
                content_type=environ.get("CONTENT_TYPE"),
                body=body,
            )
        )
