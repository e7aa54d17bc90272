"""What a server calls at a client, for Flask: decisions of CIBA, events of Shared Signals.

Spec: CIBA 10.2b; RFC 8935 2.1
Role: C
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from flask import Blueprint, Response, request

from fapikit.errors import FapiError
from fapikit.secrets import Concealed
from rpkit.client import Client
from rpkit.web.ciba_notification import (
    NOTIFICATION_PATH,
    Refusals,
    notification_heard,
    notification_not_heard,
    unread_notification,
)
from rpkit.web.flask_http import posted, rendered, web_request
from rpkit.web.security_events import EVENTS_PATH, NotTakenNow, Signal, SignalInbox, SignalSettings


class CibaNotifications:
    """The endpoint that a server pings, or pushes tokens to, when a user has decided (CIBA).

        notifications = CibaNotifications(connect)
        app.register_blueprint(notifications.blueprint())

    `connect` makes the client, as in `SignIn`; its `store` must be the one of the processes that wait. Where there is a
    `SignIn` for the same bank, give its `client` method. `path`: that of the registered
    `backchannel_client_notification_endpoint`. `name`: that of the blueprint, one for each bank.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        path: str = NOTIFICATION_PATH,
        name: str = "rpkit_notifications",
    ) -> None:
        self._connect = connect
        self._path = path
        self._refusals = Refusals()
        self._name = name
        self._client: Client | None = None

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint(self._name, __name__)
        blueprint.add_url_rule(self._path, "notification", self.notification, methods=["POST"])
        return blueprint

    def client(self) -> Client:
        """The client. The first call makes it with `connect`."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def notification(self) -> Response:
        """Keep a ping or a push for the process that waits for it."""
        told = web_request(posted())
        unread = unread_notification(told)
        if unread is not None:
            return rendered(unread)
        try:
            self.client().hear_notification(told.headers.get("authorization"), told.body)
        except FapiError as error:
            self._refusals.log(error)
            return rendered(notification_not_heard(error))
        return rendered(notification_heard())


class SecurityEvents:
    """The endpoint at which a bank tells that a session, a grant or a token has ended (Shared Signals, RFC 8935).

        events = SecurityEvents(connect, on_signal=end_sessions, push_authorization=Secret(header))
        app.register_blueprint(events.blueprint())

    `connect` makes the client, as in `SignIn`; its `store` remembers what was heard, so all processes share it. Where
    there is a `SignIn` for the same bank, give its `client` method. `on_signal(signal)` gets what the bank says, a
    `rpkit.Signal`, and ends the sessions here for which `signal.ends_session(...)` is true; it may be called twice for
    one event. `push_authorization`: the Authorization header that the stream was made with. `audience`: the `aud` of
    the stream; by default the client_id. `polling`: fetch the events, where the bank does not push them: call `poll`.
    `name`: that of the blueprint, one for each bank.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        on_signal: Callable[[Signal], None],
        path: str = EVENTS_PATH,
        name: str = "rpkit_security_events",
        **settings: Unpack[SignalSettings],
    ) -> None:
        self._connect = connect
        self._on_signal = on_signal
        self._path = path
        self._name = name
        self._settings = settings
        self._client: Client | None = None
        self._inbox: SignalInbox | None = None
        self._not_taken_now = NotTakenNow()

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint(self._name, __name__)
        blueprint.add_url_rule(self._path, "event", self.event, methods=["POST"])
        return blueprint

    def event(self) -> Response:
        """Tell the application, then the bank that it was told."""
        try:
            client, inbox = self._opened()
        except FapiError as error:
            return rendered(self._not_taken_now.answer(error))
        answer = inbox.answer(
            authorization=Concealed(request.headers.get("authorization")),
            content_type=request.content_type,
            body=Concealed(posted()),
        )
        return rendered(client._run(answer))

    def poll(self) -> int:
        """Fetch and acknowledge all events that wait now. Returns how many. Raises FapiError, and as `connect` does."""
        client, inbox = self._opened()
        return client._run(inbox.poll())

    def close(self) -> None:
        """Close the client that polls."""
        if self._client is not None and self._inbox is not None:
            self._client._run(self._inbox.close())

    def _opened(self) -> tuple[Client, SignalInbox]:
        if self._client is None or self._inbox is None:
            self._client = self._connect()
            self._inbox = SignalInbox(self._client.bank, self._on_signal, **self._settings)
        return self._client, self._inbox
