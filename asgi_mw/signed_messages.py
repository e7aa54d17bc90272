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
from rskit.signed_messages.exchange import KeptBody, MessageExchange, with_length
from rskit.signed_messages.message_signing import SignedMessages

_UNSEEN: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend", "http.response.trailers"})
"""The ways of a server to send octets that a middleware does not see, and so cannot sign."""


class AnswerWithheld(OSError):
    """`send` raises it once the answer was replaced. Frameworks treat it as a client that has gone away."""


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

    __slots__ = ("_checked", "_exchange", "_kept", "_send", "_start")

    def __init__(self, exchange: MessageExchange, checked: CheckedRequest, send: Send) -> None:
        self._exchange = exchange
        self._checked = checked
        self._send = send
        self._start: Message | None = None
        self._kept = KeptBody(exchange.budget.octets)

    async def send(self, message: Message) -> None:
        """Keep the answer until its last part, then send it with its signature, or a refusal in its place."""
        if message["type"] == "http.response.start":
            self._start = message
            if self._exchange.refuses_endless(_text(message.get("headers", ()))):
                await self._withhold(message)
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._kept.add(message.get("body", b""))
            if self._kept.is_too_long:
                self._exchange.too_long()
                await self._withhold(self._start)
            elif self._checked.refusal is not None or not message.get("more_body", False):
                await self._send_whole(self._start)

    async def _withhold(self, start: Message) -> None:
        """Raises AnswerWithheld, because the application may never stop to send."""
        await self._send_whole(start)
        raise AnswerWithheld("this answer cannot be signed, so it was replaced")

    async def _send_whole(self, start: Message) -> None:
        """If there is a refusal, Protect sends it instead, and drops what the application still sends."""
        self._start = None
        headers, body = _text(start.get("headers", ())), b""
        if self._checked.refusal is None:
            driver = self._checked.server.async_driver
            signed = await driver.run(self._exchange.sign(start["status"], headers, self._kept.whole))
            if not isinstance(signed, Refusal):
                headers, body = with_length(signed.headers, signed.body), signed.body
        await self._send({**start, "headers": _octets(headers)})
        await self._send({"type": "http.response.body", "body": body})


async def _refused(send: Send) -> None:
    """Any answer will do: Protect sends the refusal instead."""
    await send({"type": "http.response.start", "status": 400, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _text(headers: Any) -> Headers:
    return tuple((str(name, "latin-1"), str(value, "latin-1")) for name, value in headers)


def _octets(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
