"""What a server calls at a client, for Starlette and FastAPI: decisions of CIBA, events of Shared Signals.

Spec: CIBA 10.2b; RFC 8935 2.1
Role: C
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Unpack

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fapikit.errors import FapiError
from fapikit.secrets import Concealed
from rpkit.async_client import AsyncClient
from rpkit.web.ciba_notification import (
    NOTIFICATION_PATH,
    Refusals,
    notification_heard,
    notification_not_heard,
    unread_notification,
)
from rpkit.web.security_events import EVENTS_PATH, NotTakenNow, Signal, SignalInbox, SignalSettings
from rpkit.web.starlette_http import read_body, rendered, web_request


class CibaNotifications:
    """The endpoint that a server pings, or pushes tokens to, when a user has decided (CIBA).

        notifications = CibaNotifications(connect)
        app = Starlette(routes=[*my_routes, *notifications.routes()])

    `connect` makes the client, as in `SignIn`; its `store` must be the one of the processes that wait. Where there is a
    `SignIn` for the same bank, give its `client` method. `path`: that of the registered
    `backchannel_client_notification_endpoint`.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[AsyncClient]], *, path: str = NOTIFICATION_PATH
    ) -> None:
        self._connect = connect
        self._path = path
        self._refusals = Refusals()
        self._client: AsyncClient | None = None

    def routes(self) -> list[Route]:
        return [Route(self._path, self.notification, methods=["POST"])]

    async def client(self) -> AsyncClient:
        """The client. The first call makes it with `connect`."""
        if self._client is None:
            self._client = await self._connect()
        return self._client

    async def notification(self, request: Request) -> Response:
        """Keep a ping or a push for the process that waits for it."""
        told = web_request(request, await read_body(request))
        unread = unread_notification(told)
        if unread is not None:
            return rendered(unread)
        # Two of these headers become one value, which is no token.
        authorization = Concealed(", ".join(request.headers.getlist("authorization")))
        try:
            client = await self.client()
            await client.hear_notification(authorization.reveal(), told.body)
        except FapiError as error:
            self._refusals.log(error)
            return rendered(notification_not_heard(error))
        return rendered(notification_heard())


class SecurityEvents:
    """The endpoint at which a bank tells that a session, a grant or a token has ended (Shared Signals, RFC 8935).

        events = SecurityEvents(connect, on_signal=end_sessions, push_authorization=Secret(header))
        app = Starlette(routes=[*my_routes, *events.routes()])

    `connect` makes the client, as in `SignIn`; its `store` remembers what was heard, so all processes share it. Where
    there is a `SignIn` for the same bank, give its `client` method. `on_signal(signal)` gets what the bank says, a
    `rpkit.Signal`, and ends the sessions here for which `signal.ends_session(...)` is true; it may be called twice for
    one event. `push_authorization`: the Authorization header that the stream was made with. `audience`: the `aud` of
    the stream; by default the client_id. `polling`: fetch the events, where the bank does not push them: call `poll`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncClient]],
        *,
        on_signal: Callable[[Signal], Awaitable[None] | None],
        path: str = EVENTS_PATH,
        **settings: Unpack[SignalSettings],
    ) -> None:
        self._connect = connect
        self._on_signal = on_signal
        self._path = path
        self._settings = settings
        self._client: AsyncClient | None = None
        self._inbox: SignalInbox | None = None
        self._not_taken_now = NotTakenNow()

    def routes(self) -> list[Route]:
        return [Route(self._path, self.event, methods=["POST"])]

    async def event(self, request: Request) -> Response:
        """Tell the application, then the bank that it was told."""
        # Two of these headers become one value, which is no right one.
        authorization = Concealed(", ".join(request.headers.getlist("authorization")))
        try:
            client, inbox = await self._opened()
        except FapiError as error:
            return rendered(self._not_taken_now.answer(error))
        answer = inbox.answer(
            authorization=authorization,
            content_type=request.headers.get("content-type"),
            body=Concealed(await read_body(request)),
        )
        return rendered(await client._run(answer))

    async def poll(self) -> int:
        """Fetch and acknowledge all events that wait now. Returns how many. Raises FapiError, and as `connect` does."""
        client, inbox = await self._opened()
        return await client._run(inbox.poll())

    async def aclose(self) -> None:
        """Close the client that polls."""
        if self._client is not None and self._inbox is not None:
            await self._client._run(self._inbox.close())

    async def _opened(self) -> tuple[AsyncClient, SignalInbox]:
        if self._client is None or self._inbox is None:
            self._client = await self._connect()
            self._inbox = SignalInbox(self._client.bank, self._on_signal, **self._settings)
        return self._client, self._inbox
