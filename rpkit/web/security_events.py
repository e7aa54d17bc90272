"""Events of Shared Signals for a client: its bank says that a session, a grant or a token of its user has ended.

The application decides what that means for its own sessions. A session that began after the event stands: the user has
signed in again. An event may come a second time if the process died while it was told.

Spec: RFC 8935 2.1; RFC 8936 2.4; SSF 3.3; CAEP 2, 3.1, 3.2, 3.3
Role: C
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow, call
from fapikit.secrets import Concealed, Secret
from fapikit.signals.event_budget import USUAL, EventBudget
from fapikit.signals.event_types import SESSION_REVOKED
from fapikit.signals.polling import Poller, Polling
from fapikit.signals.push import MAX_BODY, PushAnswer, PushEndpoint
from fapikit.signals.receiver import EventReceiver
from fapikit.signals.security_event import SecurityEvent
from fapikit.signals.transmitters import Transmitter
from fapikit.token_bucket import TokenBucket
from rpkit.bank import Bank
from rpkit.web.messages import WebAnswer
from rpkit.web.sign_in import log_failure

EVENTS_PATH: Final = "/security-events"
BODY_OCTETS: Final = MAX_BODY
TELL_DEADLINE: Final = 10.0
"""Seconds for the application. If it takes longer, the event comes again."""
UNDERSTOOD: Final = ("user", "session", "application")


@dataclass(frozen=True, slots=True)
class Signal:
    """What a bank has told. The names are None where the event does not say them.

    `types`: the URIs of the event (`fapikit.signals.event_types`). `subject`: the `sub` of the user. `session_id`: the
    `sid` of ID tokens. `client_id`: the application at which the grants of the user ended. `token_id`: the `jti` of an
    access token. `happened_at`: seconds since 1970. `event`: the whole event.
    """

    issuer: str
    types: frozenset[str]
    subject: str | None
    session_id: str | None
    client_id: str | None
    token_id: str | None
    happened_at: float
    event: SecurityEvent

    def ends_session(self, *, subject: str, session_id: str | None, signed_in_at: float) -> bool:
        """Whether a session here ends by it. `session_id`: the `sid` of its ID token, if there was one.

        Without one nobody can say which of the user's sessions it is, so it ends with each of them.
        """
        if SESSION_REVOKED not in self.types or signed_in_at > self.happened_at:
            return False
        if self.session_id is not None and session_id is not None:
            return self.session_id == session_id
        return subject in _subs(self.event)  # an event may name one user by several


def read_signal(event: SecurityEvent) -> Signal:
    """Subjects of other issuers and of other formats name nobody here: see `event.subject`."""
    subject = event.subject
    parts = subject.parts if subject.format == "complex" else {"user": subject}
    user, session, application = (parts.get(name) for name in UNDERSTOOD)
    names = () if user is None else tuple(user.names)
    subs = _subs(event)
    tokens = [
        name.members["jti"]
        for name in (*names, *([] if session is None else [session]))
        if name.format == "jwt_id" and name.members["iss"] == event.issuer
    ]
    return Signal(
        issuer=event.issuer,
        types=event.types,
        subject=subs[0] if subs else None,
        session_id=None if session is None else session.opaque_id(),
        client_id=None if application is None else application.opaque_id(),
        token_id=tokens[0] if tokens else None,
        happened_at=event.happened_at,
        event=event,
    )


def _subs(event: SecurityEvent) -> list[str]:
    """Each `sub` by which the event names its user."""
    subject = event.subject
    user = subject.parts.get("user") if subject.format == "complex" else subject
    return [
        name.members["sub"]
        for name in (() if user is None else user.names)
        if name.format == "iss_sub" and name.members["iss"] == event.issuer
    ]


class SignalSettings(TypedDict, total=False):
    """The settings of `SecurityEvents` that are those of the stream."""

    push_authorization: Secret | None
    audience: str | None
    stream_id: str | None
    polling: Polling | None
    budget: EventBudget


class NotTakenNow:
    """Answers while there is no client, because its bank could not be reached: the event comes again.

    Nobody has authenticated then. So it is logged ten times at once, and then once in ten seconds.
    """

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._lines = TokenBucket(10, 10.0)

    def answer(self, error: FapiError) -> WebAnswer:
        if self._lines.take(self._clock()):
            log_failure(error, "an event of the bank cannot be taken now")
        return WebAnswer(503, (("retry-after", "5"), ("cache-control", "no-store")))


class SignalInbox:
    """Hears the events of one bank. `on_signal` is called with a `Signal` once for each, before it is acknowledged."""

    def __init__(
        self,
        bank: Bank,
        on_signal: Callable[[Signal], Any],
        *,
        push_authorization: Secret | None = None,
        audience: str | None = None,
        stream_id: str | None = None,
        polling: Polling | None = None,
        budget: EventBudget = USUAL,
    ) -> None:
        """Raises ConfigurationError."""
        self._on_signal = on_signal
        transmitter = Transmitter(
            issuer=bank.issuer,
            audience=audience or bank.settings.client_id,
            algorithms=bank.profile.signing_algorithms,
            push_authorization=push_authorization,
            stream_id=stream_id,
            budget=budget,
        )
        self.events = EventReceiver(
            transmitter,
            store=bank.settings.store,
            name=f"client {transmitter.audience}",
            act=self._tell,
            understood=UNDERSTOOD,
            skew=bank.profile.clock_skew,
            clock=bank.settings.clock,
        )
        self._endpoint = PushEndpoint(self.events)
        self._poller = None if polling is None else Poller(self.events, polling)

    def answer(
        self, *, authorization: Concealed[str | None], content_type: str | None, body: Concealed[bytes]
    ) -> Flow[WebAnswer]:
        """The answer to one POST of the bank. It raises no FapiError."""
        if len(body.reveal()) > BODY_OCTETS:
            return WebAnswer(413, (("cache-control", "no-store"),))
        answer: PushAnswer = yield from self._endpoint.answer(
            authorization=authorization, content_type=content_type, body=body
        )
        return WebAnswer(answer.status, answer.headers, answer.body.decode())

    def poll(self) -> Flow[int]:
        """Fetch and acknowledge all events that wait now. Returns how many. Raises as `Poller.drain` does."""
        return self._require_poller().drain()

    def close(self) -> Flow[None]:
        """Close the client that polls."""
        if self._poller is not None:
            yield from self._poller.close()

    def _tell(self, event: SecurityEvent) -> Flow[None]:
        yield from call(self._on_signal, read_signal(event), deadline=TELL_DEADLINE)

    def _require_poller(self) -> Poller:
        if self._poller is None:
            raise ConfigurationError("SecurityEvents(...) has no polling=, so its events are pushed")
        return self._poller
