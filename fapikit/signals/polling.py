"""Events that we fetch: one poll after another, each acknowledging what the one before it has brought.

An event is acknowledged when it is kept here. An acknowledgement that could not be sent is sent with the next poll; an
event that comes again is heard once. What cannot be decided now is neither acknowledged nor refused, so it comes again.

Spec: RFC 8936 2.2, 2.3, 2.4; SSF 6.1
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from fapikit import strict_json
from fapikit.errors import (
    ConfigurationError,
    FapiError,
    MalformedMessage,
    SignalError,
    StoreError,
    TooManyEvents,
    TransportError,
)
from fapikit.flow import Flow, call, sleep
from fapikit.http_message import HttpRequest, HttpResponse, read_json_object
from fapikit.io.ready_client import close_client, send_with
from fapikit.jose.purposes import SECURITY_EVENT_TOKEN
from fapikit.secrets import Secret
from fapikit.signals.push import error_code
from fapikit.signals.receiver import LOG, EventReceiver
from fapikit.urls import is_secure

Connect: TypeAlias = Callable[[], Any | Awaitable[Any]]
CONNECT_DEADLINE: Final = 30.0
POLL_TIMEOUT: Final = 60.0
"""Seconds: longer than a transmitter lets a poll wait."""
PAUSE: Final = 2.0
"""Seconds before the next poll, after one that brought nothing. A transmitter need not let a poll wait."""
_LONGEST_PAUSE: Final = 60.0
_CLOSE_DEADLINE: Final = 5.0
_MOST_EMPTY: Final = 10
_MOST_AT_ONCE: Final = 100
_UNAUTHORIZED: Final = frozenset({401, 403})
_CLAUSE: Final = "RFC 8936 2.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """`endpoint`: `delivery.endpoint_url` of the stream. `at_once`: so many events are fetched at once.

    `connect`: a function that returns an HTTP client which authorizes its requests, such as `rpkit.Client.api(...)`. It
    is called at the first poll, and again when that client cannot authorize, or is refused. In an ASGI application
    it returns an `httpx.AsyncClient`, and may be a coroutine function. The client is closed when it is of no more use.
    """

    endpoint: str
    connect: Connect = field(repr=False)
    at_once: int = 20

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not is_secure(self.endpoint):
            raise ConfigurationError(
                "endpoint of Polling must be an https URL (http on loopback only)", clause="SSF 6.1"
            )
        if not 1 <= self.at_once <= _MOST_AT_ONCE:
            raise ConfigurationError(
                f"at_once of Polling must be 1 to {_MOST_AT_ONCE} events", clause="RFC 8936 2.2"
            )


class Poller:
    """Polls for one receiver. It is used by one thread or task at a time."""

    def __init__(self, receiver: EventReceiver, polling: Polling) -> None:
        self._receiver = receiver
        self._polling = polling
        self._client: Any = None
        self._closed = False
        self._heard: list[str] = []
        self._refused: dict[str, dict[str, str]] = {}
        self._more = False
        self._wait_for_budget = 0.0
        """Seconds until the transmitter may send more, after the last poll."""

    def drain(self) -> Flow[int]:
        """Fetch and acknowledge all that waits now. Returns how many events were new.

        It ends early when the transmitter has sent what its budget allows. The rest waits there for the next time.
        Raises TransportError, MessageError if the transmitter does not answer as it should; what `connect` raises.
        """
        heard, told, empty = 0, False, 0
        while True:
            found, new = yield from self.poll(wait=False)
            heard += new
            if not found and self._more and empty < _MOST_EMPTY:
                empty += 1  # a transmitter may look for the next event a little at a time
                continue
            if not found or (not new and (told or not self._unsaid)):
                return heard  # a transmitter that sends the same again and again does not keep us
            if self._wait_for_budget:
                return heard
            told = not new

    def keep_polling(self) -> Flow[None]:
        """Poll until it is closed. A failure is logged, and tried again after a while."""
        pause = PAUSE
        while not self._closed:
            try:
                _, new = yield from self.poll(wait=True)
            except Exception as error:  # noqa: BLE001 - one failure must not end the polling for all time
                LOG.warning("events cannot be fetched now: %s: %s", type(error).__name__, _said(error))
                yield from sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                pause = PAUSE
                rest = self._wait_for_budget if new else max(PAUSE, self._wait_for_budget)
                if rest:
                    yield from sleep(rest)

    def close(self) -> Flow[None]:
        """End the polling, after the poll that waits now, and close the client."""
        self._closed = True
        yield from self._drop_client()

    def poll(self, *, wait: bool) -> Flow[tuple[int, int]]:
        """One poll: how many events it brought, and how many of them are good and new."""
        heard, refused = list(self._heard), dict(self._refused)
        wish: dict[str, Any] = {"maxEvents": self._polling.at_once, "returnImmediately": not wait}
        if heard:
            wish["ack"] = heard
        if refused:
            wish["setErrs"] = refused
        members = read_json_object((yield from self._ask(wish)), clause=_CLAUSE)
        del self._heard[: len(heard)]
        for jti in refused:
            self._refused.pop(jti, None)
        sets = members.get("sets", {})
        if not isinstance(sets, dict):
            raise MalformedMessage("sets of the answer to a poll is not an object", clause=_CLAUSE)
        new, self._wait_for_budget = 0, 0.0
        self._more = members.get("moreAvailable") is True
        for jti, token in list(sets.items())[: self._polling.at_once]:
            new += yield from self._hear(jti, token)
            if self._wait_for_budget:
                break  # what was not looked at is neither acknowledged nor refused, so it comes again
        return len(sets), new

    @property
    def _unsaid(self) -> bool:
        """Whether the transmitter is still to be told of an event that it was taken or refused."""
        return bool(self._heard or self._refused)

    def _ask(self, wish: Mapping[str, Any]) -> Flow[HttpResponse]:
        if self._client is None:
            self._client = yield from call(self._polling.connect, deadline=CONNECT_DEADLINE)
        request = HttpRequest(
            "POST",
            self._polling.endpoint,
            (("content-type", "application/json"), ("accept", "application/json")),
            strict_json.dump(wish),
            timeout=POLL_TIMEOUT,
            max_bytes=self._polling.at_once * SECURITY_EVENT_TOKEN.max_octets + 64 * 1024,
        )
        try:
            response: HttpResponse = yield from call(
                send_with, self._client, request, deadline=POLL_TIMEOUT + 5
            )
        except TransportError:
            raise
        except Exception:  # what authorizes has failed: an expired token without a refresh token, say
            yield from self._drop_client()
            raise
        if response.status in _UNAUTHORIZED:
            yield from self._drop_client()
        return response

    def _drop_client(self) -> Flow[None]:
        client, self._client = self._client, None
        if client is not None:
            yield from call(close_client, client, deadline=_CLOSE_DEADLINE)

    def _hear(self, jti: str, token: object) -> Flow[bool]:
        """Whether it is good and new."""
        try:
            if not isinstance(token, str):
                raise SignalError("a member of sets is not a security event token", clause=_CLAUSE)
            heard = yield from self._receiver.hear(Secret(token))
            if heard.event.jti != jti:
                raise SignalError("a member of sets is not named by the jti of its event", clause=_CLAUSE)
        except TooManyEvents as error:
            self._wait_for_budget = error.retry_after
            LOG.warning("events of %s are fetched later: %s", self._receiver.transmitter.issuer, error)
        except (TransportError, StoreError) as error:
            LOG.warning("an event cannot be taken now, and is fetched again: %s", error)
        except FapiError as error:
            LOG.warning("a fetched event was refused: %s; %s", error, type(error).__name__)
            self._refused[jti] = {"err": error_code(error), "description": str(error)}
        else:
            LOG.info("heard%s of %s", " again" if heard.again else "", heard.event)
            self._heard.append(jti)
            return not heard.again
        return False


def _said(error: Exception) -> str:
    """The message of another library may have a secret."""
    return str(error) if isinstance(error, FapiError) else ""
