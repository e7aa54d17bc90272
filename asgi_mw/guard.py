"""One request in Protect: completes or replaces the answer of the app, and ends a stream with its token.

Spec: RFC 6750 3; RFC 9449 8.2 (RS-16, RS-19)
Role: RS
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from asgi_mw.stream import POLICY_VIOLATION, TokenStream
from asgi_mw.view import Message, Receive, Scope, Send, header_of
from fapikit.http_message import Headers
from rskit.answers import cors as pages
from rskit.answers.challenge import headers_of
from rskit.decision import Refusal
from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.checked_request import CheckedRequest

_PREFIX: Final = pages.PREFIX.encode()
_BEGINNINGS: Final = {
    "http.response.start": 200,
    "websocket.accept": 101,
    "websocket.close": 403,
    "websocket.http.response.start": 200,
}
"""The first message of each kind of answer, with the status that applies if it names none."""

F = TypeVar("F", bound=Callable[..., Any])


def _coroutine_function(function: F) -> F:
    """Mark a plain function as a coroutine function, because some callers (asgiref, for `send`) accept no other."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return function


class Guard:
    """`cors`: the CORS policy of this Protect, if it has one.

    `has_refused`: the refusal has been sent, so nothing that the application still sends or raises matters. `stream`:
    what ends an answer without a length, or a websocket, with its token. The caller closes it when the app has ended.
    """

    __slots__ = (
        "_connected",
        "_cors",
        "_headers",
        "_receive",
        "_scope",
        "_send",
        "checked",
        "has_refused",
        "stream",
    )

    def __init__(
        self, checked: CheckedRequest, scope: Scope, receive: Receive, send: Send, cors: pages.Cors | None
    ) -> None:
        self.checked = checked
        self._cors = cors
        self.has_refused = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._connected = False
        self.stream: TokenStream | None = None

    @property
    def ended(self) -> bool:
        return self.stream is not None and self.stream.ended

    @_coroutine_function
    def send(self, message: Message) -> Awaitable[None]:
        """Not a coroutine function itself: it returns the awaitable of the server.

        So everything is decided when it is called, in any thread. Only the awaitable needs the event loop.
        """
        if self.stream is not None:
            return self.stream.send(message)
        checked = self.checked
        if not checked.started:
            return self._begin(checked, message["type"], message)
        if checked.refusal is not None:
            return _drop()  # the rest of an answer that was replaced
        if message.get("more_body") and not self._has_length():
            return self._begin_stream(message)
        return self._send(message)

    async def receive(self) -> Message:
        if self.stream is not None:
            return await self.stream.receive()
        message = await self._receive()
        self._connected = self._connected or message["type"] == "websocket.connect"
        return message

    async def send_refusal(self, refusal: Refusal) -> None:
        self.has_refused = True
        headers = (*headers_of(refusal), *self._for_pages())
        await self.send_answer(refusal.status, headers, refusal.body)

    async def send_answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Send an answer of our own. For a websocket it is a denial, or a close if the server has no denial."""
        self.checked.started = True
        kind = "http.response"
        if self._scope["type"] == "websocket":
            if not self._connected:  # an app that has received has consumed websocket.connect already
                await self._receive()  # websocket.connect
            if "websocket.http.response" not in (self._scope.get("extensions") or ()):
                await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return
            kind = "websocket.http.response"
        extra = self.checked.response_headers(nonce=False)
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*headers, *extra)]
        await self._send({"type": f"{kind}.start", "status": status, "headers": encoded})
        body = b"" if self._scope.get("method") == "HEAD" else body
        await self._send({"type": f"{kind}.body", "body": body})
        if kind != "http.response":
            # uvicorn logs an error if this task ends before it sees that the connection, which it closes, is closed.
            await asyncio.sleep(0)

    def _begin(self, checked: CheckedRequest, kind: str, message: Message) -> Awaitable[None]:
        """Complete, replace or drop what is sent before the answer has begun."""
        if checked.token is None and type(checked) is AnonymousRequest and not checked.reached:
            if kind not in _BEGINNINGS:
                return _drop()  # a layer sends this before the answer begins
            checked.refuse_other_answer(message.get("status", _BEGINNINGS[kind]))
        if kind not in _BEGINNINGS:
            return self._send(message)
        checked.started = True  # set before the app may send again
        if checked.refusal is not None:
            return self.send_refusal(checked.refusal)
        if kind == "websocket.close":
            return self._send(message)
        headers = list(message.get("headers", ()))
        extra = checked.response_headers(nonce=True)
        if self._cors is not None or checked.cross_origin:
            headers = self._without_its_own(headers)
            extra += self._for_pages()
        for name, value in extra:  # no comprehension: it would be a call of its own
            headers.append((name.encode("ascii"), value.encode("ascii")))
        self._headers = headers
        message = {**message, "headers": headers}
        return self._begin_stream(message) if kind == "websocket.accept" else self._send(message)

    def _has_length(self) -> bool:
        """Whether the answer says how long it is. Asked only of an answer in several parts."""
        return any(name.lower() == b"content-length" for name, _ in self._headers)

    def _without_its_own(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Remove the application's own CORS headers if there is a policy."""
        if self._cors is None:
            return headers
        return [header for header in headers if not header[0].lower().startswith(_PREFIX)]

    def _for_pages(self) -> Headers:
        if self._cors is not None:
            return self._cors.of_answer(header_of(self._scope, b"origin"))
        return (pages.SHOWN,) if self.checked.cross_origin else ()

    def _begin_stream(self, message: Message) -> Awaitable[None]:
        token = self.checked.token
        if token is None:
            return self._send(message)
        self.stream = TokenStream(self.checked, token, self._scope, self._receive, self._send)
        return self.stream.begin(message)


async def _drop() -> None:
    """Awaited instead of sending a message."""
