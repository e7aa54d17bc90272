"""A stream under ASGI ends with its token: a websocket that was accepted, or an answer of unknown length.

One timer is armed for it; when it fires the token is looked at again. At the end the stream is closed, `receive` yields
a disconnect and `send` refuses.

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
"""With this code a websocket closes whose token does not hold, or no longer (RFC 6455 7.4.1)."""


class TokenEnded(OSError):
    """What `send` raises once the token has ended: frameworks take it for a client that went away."""


class TokenStream:
    """One stream; `begin` sends its first message, in the event loop that the stream runs in."""

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
        """What the client says next, however often the app gives up waiting for it."""
        while not self.ended:
            received = self._received or asyncio.ensure_future(self._receive())
            self._received = received
            if not received.done():
                await self._until_end_or(received)
            if not await self._goes_on():
                await self._end()  # what a client says after a revocation is not heard
            elif self._received is received:  # and not another reader's by now
                self._received = None
                return received.result()
        return self._disconnect()

    def close(self) -> None:
        """The app is done: a cut that comes after the end has nothing to close."""
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
        finally:  # a look that fails ends the stream
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
        with contextlib.suppress(Exception):  # the client may be gone already
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
