"""Runs flows in threads."""

from __future__ import annotations

import inspect
import time
from typing import Any, TypeVar, cast

from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Background, Call, Effect, Flow, Http, Shared, Sign, Sleep, Store
from fapikit.forks import reset_after_fork
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.io import transport
from fapikit.io.current_pool import CurrentPool, close_all
from fapikit.io.shared_work import SharedThreads
from fapikit.io.transport import HttpSettings, settings_of
from fapikit.profiles import FAPI2_SECURITY, Profile
from fapikit.tracebacks import bare, forget_locals

T = TypeVar("T")


class SyncDriver:
    """It is thread-safe. Its HTTP client is made at first use, and again in a forked child process."""

    def __init__(self, http: HttpSettings | None = None, *, profile: Profile = FAPI2_SECURITY) -> None:
        """`profile`: whose TLS suites are offered, unless `http` has a context of its own."""
        self._http = settings_of(http)
        self._profile = profile
        self._shared = SharedThreads()
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Drop the connections of the parent process: they are neither used nor closed here."""
        http, profile = self._http, self._profile
        self._pool = CurrentPool(
            lambda: http.watched(http.make_client(profile)), http.context_of(http.client, profile)
        )

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end. The errors of its effects are thrown into it."""
        result: Any = None
        error: Exception | None = None
        watcher = self._http.watcher
        if watcher is not None:
            watcher.begins()
        while True:
            try:
                effect = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as stop:
                if watcher is not None:
                    watcher.ended(stop.value)
                return cast(T, stop.value)
            except BaseException as raised:
                result = error = None
                forget_locals(raised)
                if watcher is not None:
                    watcher.failed(raised)
                raise
            result = error = None
            try:
                result = self._perform(effect)
            except (
                FapiError
            ) as raised:  # it says what was wrong; frames of stores and transports hold what was sent
                error = bare(raised)
            except Exception as raised:  # noqa: BLE001 - the flow decides what to do with it
                error = raised
            except BaseException as raised:
                flow.close()
                forget_locals(raised)
                raise

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Http(request):
                return self._send(request)
            case Store(store, operation, arguments):
                return getattr(store, operation)(*arguments)
            case Sign(signer, signing_input):
                return signer.sign(signing_input)
            case Sleep(seconds, alarm):
                return time.sleep(seconds) if alarm is None else alarm.wait(seconds)
            case Shared(key, start, deadline):
                return self._shared.wait(self._shared.start(key, lambda: self.run(start())), deadline)
            case Call():
                return _called(effect.function(*effect.arguments))
            case Background(key, start):
                self._shared.start(key, lambda: self.run(start()))

    def _send(self, request: HttpRequest) -> HttpResponse:
        loan = self._pool.borrow()
        try:
            return transport.send(loan.connections, request)
        finally:
            close_all(loan.give_back())

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        ended = self._pool.end()
        if self._http.client is None:
            close_all(ended)


def _called(result: Any) -> Any:
    if inspect.iscoroutine(result):
        result.close()
        raise ConfigurationError("a coroutine function was given to a sync class: give a plain function")
    return result
