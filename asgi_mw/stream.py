"""Ends an ASGI stream with its token: a websocket that was accepted, or an answer of unknown length.

Each stream has one timer. When it fires, the token is checked again. At the end the stream is closed, `receive` returns
a disconnect, and `send` raises.

Spec: FAPI2-SP 5.3.4-3 (RS-19)
Role: RS
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from asgi_mw.view import Message, Receive, Scope, Send
from rskit.policy.checked_request import CheckedRequest
from rskit.tokens.token import Token

POLICY_VIOLATION: Final = 1008
"""The code with which a websocket is closed if its token is not valid, or no longer (RFC 6455 7.4.1)."""


class TokenEnded(OSError):
    """`send` raises it once the token has ended. Frameworks treat it as a client that has gone away."""


class TokenStream:
    """One stream. `begin` sends its first message; call it in the event loop that the stream runs in."""

    __slots__ = (
        "_checked",
        "_ended",
        "_looking",
        "_receive",
        "_received",
        "_scope",
        "_send",
        "_timer",
        "_watch",
    )

    def __init__(
        self, checked: CheckedRequest, token: Token, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._checked = checked
        self._scope = scope
        self._receive = receive
        self._send = send
        self._watch = checked.server.watch(checked.view, token)
        self._ended = asyncio.Event()
        self._looking: asyncio.Future[None] | None = None
        self._received: asyncio.Future[Message] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    async def begin(self, message: Message) -> None:
        self._set_timer()
        await self._send(message)

    async def send(self, message: Message) -> None:
        if not self.ended and not await self._goes_on():
            await self._end()
        if self.ended:
            raise TokenEnded("the access token of this stream has ended")
        await self._send(message)

    async def receive(self) -> Message:
        """The next message of the client. No message is lost if the app stops waiting for it."""
        while not self.ended:
            received = self._received or asyncio.ensure_future(self._receive())
            self._received = received
            if not received.done():
                await self._until_end_or(received)
            if not await self._goes_on():
                await self._end()  # a message that comes after a revocation is dropped
            elif self._received is received:  # unless another reader has taken it meanwhile
                self._received = None
                return received.result()
        return self._disconnect()

    def close(self) -> None:
        """Called when the app has ended. A cut after that has nothing to close."""
        for waiting in (self._timer, self._received):
            if waiting is not None:
                waiting.cancel()
        self._ended.set()

    async def _until_end_or(self, received: asyncio.Future[Any]) -> None:
        ended: asyncio.Future[Any] = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({received, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._watch.wait, self._wake)

    def _wake(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        goes_on = False
        try:
            goes_on = await self._goes_on()
        finally:  # a check that fails ends the stream
            if goes_on:
                self._set_timer()
            else:
                await self._end()

    async def _goes_on(self) -> bool:
        watch = self._watch
        if self.ended or watch.over or self._checked.refusal is not None:
            return False
        if watch.due:
            goes_on = await self._checked.server.async_driver.run(watch.goes_on())
            self._checked.token = watch.token
            return goes_on and not self.ended
        return True

    async def _end(self) -> None:
        """Close the stream, once."""
        if self.ended:
            return
        self._ended.set()
        with contextlib.suppress(Exception):  # the client may have gone already
            if self._scope["type"] == "websocket":
                await self._send(
                    {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "token ended"}
                )
            else:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _disconnect(self) -> Message:
        if self._scope["type"] == "websocket":
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": "token ended"}
        return {"type": "http.disconnect"}

    def __repr__(self) -> str:
        return f"TokenStream({self._watch!r})"
