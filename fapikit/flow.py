"""Effects: what a protocol step may ask of the world, and the helpers that ask it.

A protocol step is a *flow*, a generator that yields effects and is sent their results, or has their failures
thrown in. It does no I/O, so each step runs by hand in a test, and under the two drivers of `fapikit.io`.

    def fetch_user(endpoint: str) -> Flow[HttpResponse]:
        response = yield from http(HttpRequest("GET", endpoint))
        return response

A flow that is closed cannot yield. What must be finished once it is begun (a refresh) runs under `shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

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
    """Send one request; the result is the response, whatever its status."""

    request: HttpRequest


@dataclass(frozen=True, slots=True)
class Store:
    """Do one atomic operation on one key of a store, or ask it what it can keep."""

    __match_args__ = ("store", "operation", "arguments")

    store: StoreProtocol
    operation: StoreOperation
    _arguments: Concealed[tuple[Any, ...]]  # keys and values may be secrets

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self._arguments.reveal()

    def __repr__(self) -> str:
        return f"Store({self.operation})"


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign these octets. A key may live in a KMS or HSM, so this is I/O."""

    __match_args__ = ("signer", "signing_input")

    signer: Signer
    _signing_input: Concealed[bytes]  # a request's state is among the claims

    @property
    def signing_input(self) -> bytes:
        return self._signing_input.reveal()

    def __repr__(self) -> str:
        return f"Sign({self.signer.alg}, {self.signer.kid})"


@dataclass(frozen=True, slots=True)
class Shared:
    """Run a flow once for all who ask under one key at one time; every waiter gets the one outcome.

    The flow runs in a task (or thread) of its own, which no waiter's cancellation reaches.
    A waiter gives up after `deadline` seconds with `DeadlineExceeded`.
    """

    key: Hashable
    start: Callable[[], Flow[Any]]
    deadline: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function of the application; the async driver awaits what it returns, for `deadline` seconds at most.

    The sync driver cannot end it. It refuses a coroutine function, which has done nothing then.
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
    """Start a flow under a key unless one runs already, and do not wait for it."""

    key: Hashable
    start: Callable[[], Flow[Any]]


Effect: TypeAlias = Http | Store | Sleep | Sign | Shared | Call | Background
Flow: TypeAlias = Generator[Effect, Any, T]


def http(request: HttpRequest) -> Flow[HttpResponse]:
    """Send a request. Raises TransportError."""
    return _ask(Http(request))


def store_get(store: StoreProtocol, key: str) -> Flow[bytes | None]:
    """The value, or None. Raises StoreError, as all five do."""
    return _ask(_store(store, "get", key))


def store_put(store: StoreProtocol, key: str, value: bytes, ttl: float) -> Flow[None]:
    """Write a value that lives `ttl` seconds."""
    return _ask(_store(store, "put", key, value, ttl))


def store_take(store: StoreProtocol, key: str) -> Flow[bytes | None]:
    """Read and delete in one step: of many callers one gets the value."""
    return _ask(_store(store, "take", key))


def store_add(
    store: StoreProtocol, key: str, value: bytes, ttl: float, *, since: float | None = None
) -> Flow[bool]:
    """Write only if the key is absent; of many callers one gets True.

    `since`: when what is marked was made, at the earliest; for what lives longer than `REPLAY_WINDOW`. A store that has
    forgotten anything after that cannot know whether it was marked before. Raises StoreForgot then.
    """
    return _mark(_store(store, "add", key, value, ttl), since)


def store_swap(store: StoreProtocol, key: str, expected: bytes | None, new: bytes, ttl: float) -> Flow[bool]:
    """Write only if the present value equals `expected` (None: absent)."""
    return _ask(_store(store, "swap", key, expected, new, ttl))


def store_check(store: StoreProtocol) -> Flow[StorePromise]:
    """What the store can keep, asked of it now. Raises UnfitStore, StoreError."""
    return cast(StorePromise, (yield _store(store, "check"))) if hasattr(store, "check") else UNSAID


def sleep(seconds: float) -> Flow[None]:
    return _ask(Sleep(seconds))


def sign(signer: Signer, signing_input: bytes) -> Flow[bytes]:
    """The signature over `signing_input`, in JWS form (RFC 7518 3.4: r and s side by side for ES)."""
    return _ask(Sign(signer, Concealed(signing_input)))


def shared(key: Hashable, start: Callable[[], Flow[T]], *, deadline: float) -> Flow[T]:
    """The outcome of the one run under `key`. Raises what it raises, or DeadlineExceeded."""
    return _ask(Shared(key, start, deadline))


def call(function: Callable[..., Any], *arguments: Any, deadline: float) -> Flow[Any]:
    """What a function of the application returns. Raises what it raises; TimeoutError; ConfigurationError."""
    return _ask(Call(function, Concealed(arguments), deadline))


def background(key: Hashable, start: Callable[[], Flow[object]]) -> Flow[None]:
    return _ask(Background(key, start))


def _ask(effect: Effect) -> Flow[Any]:
    """Waits alone, and holds nothing but the effect, which conceals what it carries."""
    return (yield effect)


def _mark(effect: Store, since: float | None) -> Flow[bool]:
    require_memory(effect.store, since)
    added = cast(bool, (yield effect))
    require_memory(effect.store, since)  # where this was the first that was asked of the store
    return added


def _store(store: StoreProtocol, operation: StoreOperation, *arguments: object) -> Store:
    return Store(store, operation, Concealed(arguments))


def run_pure(flow: Flow[T]) -> T:
    """Run a flow that asks for nothing but local signatures, which are computed in place.

    Raises RuntimeError if it asks for anything else: the caller promised that no I/O would be needed.
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
            raise RuntimeError(f"a pure flow asked for {type(effect).__name__}")
        result = effect.signer.sign(effect.signing_input)
