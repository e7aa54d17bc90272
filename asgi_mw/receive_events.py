"""Around an ASGI app, outside of Protect: the path at which a transmitter of Shared Signals posts its events.

While the application runs, what other processes were told of is followed, and events are fetched if the receiver polls.

Spec: RFC 8935 2.1; RFC 9110 15.5.6
Role: RS
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from asgi_mw.view import ASGIApp, Receive, Scope, Send
from asgi_mw.whole_body import read_whole_body
from fapikit.secrets import Concealed
from fapikit.signals.push import PushAnswer
from rskit.errors import RequestRefused
from rskit.signals.push_request import BODY, EVENTS_PATH, NO_POST, unread_push
from rskit.signals.receiver import SignalReceiver


class ReceiveEvents:
    """`ReceiveEvents(Protect(app, resource_server), receiver)`; with `add_middleware`, add it after Protect.

    `path`: that of the endpoint URL with which the stream was made.
    """

    def __init__(self, app: ASGIApp, receiver: SignalReceiver, *, path: str = EVENTS_PATH) -> None:
        self._app = app
        self._receiver = receiver
        self._path = path
        self._works: list[asyncio.Task[None]] = []

    @property
    def app(self) -> ASGIApp:
        """The application inside, for the audit."""
        return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._works or self._works[0].done():
            self._begin_works()
        kind = scope["type"]
        if kind == "http" and scope["path"] in (self._path, scope.get("root_path", "") + self._path):
            await _send(await self._answer(scope, receive), send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            if kind == "lifespan":
                await self._stop()

    def _begin_works(self) -> None:
        """Without a lifespan the first request starts them."""
        loop, run = asyncio.get_running_loop(), self._receiver.async_driver.run
        self._works = [loop.create_task(run(work())) for _, work in self._receiver.works()]

    async def _stop(self) -> None:
        running, self._works = self._works, []
        for work in running:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        await self._receiver.aclose()

    async def _answer(self, scope: Scope, receive: Receive) -> PushAnswer:
        if scope["method"] != "POST":
            return NO_POST
        try:
            body, _ = await read_whole_body(scope, receive, BODY)
        except RequestRefused as refused:
            return unread_push(refused)
        # Two of these headers become one value, which is no right one.
        named = {
            name: ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
            for name in (b"authorization", b"content-type")
        }
        return await self._receiver.async_driver.run(
            self._receiver.push(
                authorization=Concealed(named[b"authorization"]),
                content_type=named[b"content-type"],
                body=Concealed(body),
            )
        )


async def _send(answer: PushAnswer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
