"""Between Protect and the app: reads a signed request, and keeps the answer until it is whole and signed.

Spec: UK-JWS 1, 5; BR-JWT 1
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from fapikit.http_message import Headers, HttpRequest
from rskit.decision import Refusal
from rskit.errors import RequestRefused
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.signed_messages.exchange import KeptBody, MessageExchange, with_length
from rskit.signed_messages.message_signing import SignedMessages
from wsgi_mw.gate import WSGIApp
from wsgi_mw.view import Environ
from wsgi_mw.whole_body import put_body, read_whole_body

_UNPREFIXED: Final = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


class SignedMessagesLayer:
    """For the requests with a token. A refusal is put into the checked request, and Protect sends it."""

    __slots__ = ("_app", "_messages")

    def __init__(self, app: WSGIApp, messages: SignedMessages) -> None:
        self._app = app
        self._messages = messages

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        checked: CheckedRequest = environ[KEY]
        if checked.token is None:
            return self._app(environ, start_response)
        driver = checked.server.sync_driver
        exchange = MessageExchange(self._messages, checked, headers_in(environ))
        try:
            body = read_whole_body(environ, exchange.budget)
        except RequestRefused as error:
            exchange.refuse(error)
            return []
        accepted = driver.run(exchange.accept(body))
        del body
        if isinstance(accepted, Refusal):
            return []
        _replace(environ, accepted)
        kept = self._answer(environ, exchange)
        if checked.refusal is not None:
            return []
        status, headers, whole = kept.answer()
        signed = driver.run(exchange.sign(int(status[:3]), headers, whole))
        if isinstance(signed, Refusal):
            return []
        start_response(status, list(with_length(signed.headers, signed.body)))
        return [signed.body]

    def _answer(self, environ: Environ, exchange: MessageExchange) -> _Kept:
        """The answer of the application. Of one that cannot be signed, the beginning, and the refusal is made."""
        kept = _Kept(exchange.budget.octets)
        chunks = self._app(environ, kept.start_response)
        try:
            if exchange.refuses_endless(kept.headers):
                return kept
            for chunk in chunks:
                kept.body.add(chunk)
                if kept.body.is_too_long:
                    exchange.too_long()
                    break
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return kept


class _Kept:
    """The answer of the application, as far as it has come."""

    __slots__ = ("_limit", "_status", "body", "headers")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._status: str | None = None
        self.headers: Headers = ()
        self.body = KeptBody(limit)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], None]:
        self._status, self.headers = (
            status,
            tuple(headers),
        )  # nothing is sent yet: an error page may replace it
        self.body = KeptBody(self._limit)
        return self.body.add

    def answer(self) -> tuple[str, Headers, bytes]:
        if self._status is None:
            raise RuntimeError("the application has answered without start_response")
        return self._status, self.headers, self.body.whole


def headers_in(environ: Environ) -> Headers:
    """The header fields of a request."""
    found = [
        (key[5:].replace("_", "-").lower(), value)
        for key, value in environ.items()
        if key.startswith("HTTP_") and isinstance(value, str)
    ]
    found += [(name, environ[key]) for key, name in _UNPREFIXED.items() if environ.get(key)]
    return tuple(found)


def _replace(environ: Environ, request: HttpRequest) -> None:
    """Let the application see this request: its content type, what it accepts, and its body."""
    headers = dict(request.headers)
    if "accept-encoding" not in headers:
        environ.pop("HTTP_ACCEPT_ENCODING", None)
    environ["CONTENT_TYPE"] = headers.get("content-type", "")
    if "accept" in headers:
        environ["HTTP_ACCEPT"] = headers["accept"]
    put_body(environ, request.body)
