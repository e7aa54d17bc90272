"""Runs flows in threads."""

from __future__ import annotations

import os
import time
from typing import Any, TypeVar, cast

from fapikit.flow import Background, Effect, Flow, Http, Shared, Sign, Sleep, Store
from fapikit.io import transport
from fapikit.io.shared_work import SharedThreads
from fapikit.io.transport import HttpSettings

T = TypeVar("T")


class SyncDriver:
    """Thread-safe. Its HTTP client is made at first use and again in a forked child."""

    def __init__(self, http: HttpSettings | None = None) -> None:
        self._http = http or HttpSettings()
        self._shared = SharedThreads()
        self._client: tuple[int, Any] | None = None

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; what its effects raise is thrown into it."""
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                effect = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as stop:
                return cast(T, stop.value)
            result = error = None
            try:
                result = self._perform(effect)
            except Exception as raised:  # noqa: BLE001 - the flow decides what it can bear
                error = raised

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Http(request):
                return transport.send(self._http_client(), request)
            case Store(store, operation, arguments):
                return getattr(store, operation)(*arguments)
            case Sign(signer, signing_input):
                return signer.sign(signing_input)
            case Sleep(seconds):
                return time.sleep(seconds)
            case Shared(key, start, deadline):
                return self._shared.wait(self._shared.start(key, lambda: self.run(start())), deadline)
            case Background(key, start):
                self._shared.start(key, lambda: self.run(start()))

    def _http_client(self) -> Any:
        pid = os.getpid()
        if self._client is None or self._client[0] != pid:
            self._client = (pid, self._http.make_client())
        return self._client[1]

    def close(self) -> None:
        if self._client is not None and self._http.client is None:
            self._client[1].close()
        self._client = None
