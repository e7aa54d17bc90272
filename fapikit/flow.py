"""Effects: the I/O that a protocol step can ask for, and one helper function for each.

A protocol step is a *flow*: a generator that yields effects. The driver sends the result of each effect in, or throws
its error in. A flow does no I/O itself. So a test can run it by hand, and both drivers of `fapikit.io` can run it.

    def fetch_user(endpoint: str) -> Flow[HttpResponse]:
        response = yield from http(HttpRequest("GET", endpoint))
        return response

A flow that is closed cannot yield any more. Work that must be finished once it has begun (a refresh) runs in `shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, cast

from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.secrets import Concealed
from fapikit.stores.identity import require_memory
from fapikit.stores.protocol import UNSAID, StorePromise
from fapikit.tracebacks import forget_locals

if TYPE_CHECKING:
    from fapikit.jose.signer import Signer
    from fapikit.stores.protocol import Store as StoreProtocol

T = TypeVar("T")

StoreOperation: TypeAlias = Literal["get", "put", "take", "add", "swap", "check"]


@dataclass(frozen=True, slots=True)
class Http:
    """Send one request. The result is the response, with any status."""

    request: HttpRequest


@dataclass(frozen=True, slots=True)
class Store:
    """Do one atomic operation on one key of a store, or check what the store can keep."""

    __match_args__ = ("store", "operation", "arguments")

    store: StoreProtocol
    operation: StoreOperation
    _arguments: Concealed[tuple[Any, ...]]  # keys and values may be secrets

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self._arguments.reveal()

    def __repr__(self) -> str:
        return f"Store({self.operation})"


class Alarm(Protocol):
    """What ends a sleep early. `fapikit.io.alarm.SharedAlarm` is one, and documents each of these methods."""

    @property
    def rung(self) -> bool: ...

    def wait(self, seconds: float) -> bool: ...

    async def await_(self, seconds: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this many seconds, or until the alarm rings. The result is whether it rang."""

    seconds: float
    alarm: Alarm | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign these octets. A key may live in a KMS or HSM, so this is I/O."""

    __match_args__ = ("signer", "signing_input")

    signer: Signer
    _signing_input: Concealed[bytes]  # the `state` of a request is one of the claims

    @property
    def signing_input(self) -> bytes:
        return self._signing_input.reveal()

    def __repr__(self) -> str:
        return f"Sign({self.signer.alg}, {self.signer.kid})"


@dataclass(frozen=True, slots=True)
class Shared:
    """Run a flow once for all callers that use the same key at the same time. Every caller gets the same result.

    The flow runs in its own task (or thread). The cancellation of a caller does not cancel it.
    A caller that has waited for `deadline` seconds gets `DeadlineExceeded`.
    """

    key: Hashable
    start: Callable[[], Flow[Any]]
    deadline: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function of the application. The async driver awaits its result for at most `deadline` seconds.

    The sync driver cannot end the call. It refuses a coroutine function before any of its code has run.
    """

    __match_args__ = ("function", "arguments", "deadline")

    function: Callable[..., Any]
    _arguments: Concealed[tuple[Any, ...]]  # a request that the application is to host, say
    deadline: float

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self._arguments.reveal()

    def __repr__(self) -> str:
        return f"Call({getattr(self.function, '__qualname__', self.function)})"


@dataclass(frozen=True, slots=True)
class Background:
    """Start a flow under a key, unless one with this key is running. Do not wait for it."""

    key: Hashable
    start: Callable[[], Flow[Any]]


Effect: TypeAlias = Http | Store | Sleep | Sign | Shared | Call | Background
Flow: TypeAlias = Generator[Effect, Any, T]


def http(request: HttpRequest) -> Flow[HttpResponse]:
    """Send a request. Raises TransportError."""
    return _ask(Http(request))


def store_get(store: StoreProtocol, key: str) -> Flow[bytes | None]:
    """The value, or None. All store operations raise StoreError."""
    return _ask(_store(store, "get", key))


def store_put(store: StoreProtocol, key: str, value: bytes, ttl: float) -> Flow[None]:
    """Write a value that lives `ttl` seconds."""
    return _ask(_store(store, "put", key, value, ttl))


def store_take(store: StoreProtocol, key: str) -> Flow[bytes | None]:
    """Read and delete in one step: of many callers, only one gets the value."""
    return _ask(_store(store, "take", key))


def store_add(
    store: StoreProtocol, key: str, value: bytes, ttl: float, *, since: float | None = None
) -> Flow[bool]:
    """Write only if the key is absent: of many callers, only one gets True.

    `since`: the earliest time at which the marked object was made; needed if it lives longer than `REPLAY_WINDOW`. A
    store that has lost data after that time cannot know whether the object was marked before. It raises StoreForgot.
    """
    return _mark(_store(store, "add", key, value, ttl), since)


def store_swap(store: StoreProtocol, key: str, expected: bytes | None, new: bytes, ttl: float) -> Flow[bool]:
    """Write only if the current value equals `expected` (None: absent). Returns whether it was written."""
    return _ask(_store(store, "swap", key, expected, new, ttl))


def store_check(store: StoreProtocol) -> Flow[StorePromise]:
    """Check now what the store can keep. Raises UnfitStore, StoreError."""
    return cast(StorePromise, (yield _store(store, "check"))) if hasattr(store, "check") else UNSAID


def sleep(seconds: float, *, alarm: Alarm | None = None) -> Flow[bool]:
    """Wait. With an `alarm`: until it rings, at most. Returns whether it rang."""
    return bool((yield Sleep(seconds, alarm)))


def sign(signer: Signer, signing_input: bytes) -> Flow[bytes]:
    """The signature over `signing_input`, in JWS form (RFC 7518 3.4: r and s side by side for ES)."""
    return _ask(Sign(signer, Concealed(signing_input)))


def shared(key: Hashable, start: Callable[[], Flow[T]], *, deadline: float) -> Flow[T]:
    """The result of the one run with this key. Raises the errors of the flow, or DeadlineExceeded."""
    return _ask(Shared(key, start, deadline))


def call(function: Callable[..., Any], *arguments: Any, deadline: float) -> Flow[Any]:
    """The result of a function of the application. Raises its errors, TimeoutError, ConfigurationError."""
    return _ask(Call(function, Concealed(arguments), deadline))


def background(key: Hashable, start: Callable[[], Flow[object]]) -> Flow[None]:
    return _ask(Background(key, start))


def _ask(effect: Effect) -> Flow[Any]:
    """Yield one effect. While it waits, this frame has no variable but the effect, whose secrets are concealed."""
    return (yield effect)


def _mark(effect: Store, since: float | None) -> Flow[bool]:
    require_memory(effect.store, since)
    added = cast(bool, (yield effect))
    require_memory(
        effect.store, since
    )  # again: the first operation on a store finds out whether it lost data
    return added


def _store(store: StoreProtocol, operation: StoreOperation, *arguments: object) -> Store:
    return Store(store, operation, Concealed(arguments))


def run_pure(flow: Flow[T]) -> T:
    """Run a flow whose only effects are signatures with local keys. They are computed here.

    Raises RuntimeError for any other effect: this function is only for flows without I/O.
    """
    result: Any = None
    while True:
        try:
            effect = flow.send(result)
        except StopIteration as stop:
            return cast(T, stop.value)
        except BaseException as raised:
            forget_locals(raised)
            raise
        if not isinstance(effect, Sign):
            flow.close()
            raise RuntimeError(
                f"run_pure runs only flows without I/O, and this one yielded {type(effect).__name__}"
            )
        result = effect.signer.sign(effect.signing_input)
