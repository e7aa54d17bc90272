"""Runs flows on asyncio."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Background, Call, Effect, Flow, Http, Shared, Sign, Sleep, Store
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.io import transport
from fapikit.io.current_pool import CurrentPool, aclose_all
from fapikit.io.shared_work import SharedTasks
from fapikit.io.transport import HttpSettings, settings_of
from fapikit.profiles import FAPI2_SECURITY, Profile
from fapikit.tracebacks import bare, forget_locals

T = TypeVar("T")


class AsyncDriver:
    """Several event loops can use it, one after another or in several threads. Each loop has its own HTTP client."""

    def __init__(self, http: HttpSettings | None = None, *, profile: Profile = FAPI2_SECURITY) -> None:
        """`profile`: whose TLS suites are offered, unless `http` has a context of its own."""
        self._http = settings_of(http)
        self._profile = profile
        self._shared = SharedTasks()
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, CurrentPool] = WeakKeyDictionary()

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end. The errors of its effects are thrown into it. A cancellation closes it."""
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
                result = await self._perform(effect)
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

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Http(request):
                return await self._send(request)
            case Store():  # its arguments may be secrets: they must not be variables of this frame
                return await getattr(effect.store, f"a{effect.operation}")(*effect.arguments)
            case Sign():
                return await _sign(effect)
            case Sleep(seconds, alarm):
                return await (asyncio.sleep(seconds) if alarm is None else alarm.await_(seconds))
            case Shared(key, start, deadline):
                return await self._shared.wait(self._shared.start(key, lambda: self.run(start())), deadline)
            case Call():
                return await _call(effect)
            case Background(key, start):
                self._shared.start(key, lambda: self.run(start()))

    async def _send(self, request: HttpRequest) -> HttpResponse:
        loan = self._pool().borrow()
        try:
            return await transport.asend(loan.connections, request)
        finally:
            await aclose_all(loan.give_back())

    def _pool(self) -> CurrentPool:
        loop = _running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            # A client refers to its loop, which keeps both alive. So the clients of closed loops are removed here.
            for ended in [known for known in self._pools if known.is_closed()]:
                del self._pools[ended]
            http, profile = self._http, self._profile
            pool = CurrentPool(
                lambda: http.watched(http.make_async_client(profile)),
                http.context_of(http.async_client, profile),
            )
            self._pools[loop] = pool
        return pool

    async def aclose(self) -> None:
        """Close this loop's client."""
        pool = self._pools.pop(_running_loop(), None)
        if pool is not None and self._http.async_client is None:
            await aclose_all(pool.end())


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "no asyncio event loop runs here, and the async classes need asyncio: "
            "under trio, call the sync class, such as rpkit.Client, in a thread (trio.to_thread.run_sync)"
        ) from None


async def _sign(effect: Sign) -> bytes:
    signer = effect.signer
    if hasattr(signer, "asign"):
        return cast(bytes, await signer.asign(effect.signing_input))
    if signer.local:
        return signer.sign(effect.signing_input)
    return await asyncio.to_thread(lambda: signer.sign(effect.signing_input))


async def _call(effect: Call) -> Any:
    result = effect.function(*effect.arguments)
    if inspect.isawaitable(result):
        async with asyncio.timeout(effect.deadline):
            result = await result
    return result
