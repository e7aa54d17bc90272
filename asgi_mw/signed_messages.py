"""Between Protect and the app: reads a signed request, and keeps the answer until it is whole and signed.

Spec: UK-JWS 1, 5; BR-JWT 1
Role: RS
"""

from __future__ import annotations

from typing import Any, Final

from asgi_mw.view import ASGIApp, Message, Receive, Scope, Send
from asgi_mw.whole_body import read_whole_body, with_body
from fapikit.http_message import Headers
from rskit.decision import Refusal
from rskit.errors import RequestRefused
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.signed_messages.exchange import MessageExchange, with_length
from rskit.signed_messages.message_signing import SignedMessages

_UNSEEN: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend", "http.response.trailers"})
"""The ways of a server to send octets that a middleware does not see, and so cannot sign."""


class SignedMessagesLayer:
    """For the requests with a token. A refusal is put into the checked request, and Protect sends it."""

    __slots__ = ("_app", "_messages")

    def __init__(self, app: ASGIApp, messages: SignedMessages) -> None:
        self._app = app
        self._messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        checked: CheckedRequest = scope[KEY]
        if scope["type"] != "http" or checked.token is None:
            await self._app(scope, receive, send)
            return
        driver = checked.server.async_driver
        exchange = MessageExchange(self._messages, checked, _text(scope["headers"]))
        try:
            body, receive = await read_whole_body(scope, receive, exchange.budget)
        except RequestRefused as error:
            exchange.refuse(error)
            await _refused(send)
            return
        accepted = await driver.run(exchange.accept(body))
        del body
        if isinstance(accepted, Refusal):
            await _refused(send)
            return
        scope["headers"] = _octets(accepted.headers)
        extensions = scope.get("extensions") or {}
        scope["extensions"] = {name: extensions[name] for name in extensions if name not in _UNSEEN}
        answer = _Answer(exchange, checked, send)
        await self._app(scope, with_body(accepted.body, receive), answer.send)


class _Answer:
    """The answer of the application, as far as it has come."""

    __slots__ = ("_checked", "_exchange", "_kept", "_send", "_size", "_start")

    def __init__(self, exchange: MessageExchange, checked: CheckedRequest, send: Send) -> None:
        self._exchange = exchange
        self._checked = checked
        self._send = send
        self._start: Message | None = None
        self._kept: list[bytes] = []
        self._size = 0

    async def send(self, message: Message) -> None:
        """Keep the answer until its last part, then send it with its signature, or a refusal in its place."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        start = self._start
        if start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        part = message.get("body", b"")
        self._size += len(part)
        self._kept.append(part)
        if self._checked.refusal is None and self._size > self._exchange.budget.octets:
            self._exchange.too_long()
        if self._checked.refusal is None and message.get("more_body", False):
            return
        self._start = None
        whole, self._kept = b"".join(self._kept), []
        headers = _text(start.get("headers", ()))
        if self._checked.refusal is None:
            signed = await self._checked.server.async_driver.run(
                self._exchange.sign(start["status"], headers, whole)
            )
            if not isinstance(signed, Refusal):
                headers, whole = with_length(signed.headers, signed.body), signed.body
        await self._send(
            {**start, "headers": _octets(headers)}
        )  # Protect sends the refusal instead, if there is one
        await self._send({"type": "http.response.body", "body": whole})


async def _refused(send: Send) -> None:
    """Any answer will do: Protect sends the refusal instead."""
    await send({"type": "http.response.start", "status": 400, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _text(headers: Any) -> Headers:
    return tuple((str(name, "latin-1"), str(value, "latin-1")) for name, value in headers)


def _octets(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
