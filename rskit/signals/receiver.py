"""Takes the events of one transmitter for an API: what they revoke is kept in the store, and refused in this process.

An event is answered when what it revokes is in the store. The process that took it refuses at once; every other one,
and one that starts later, when it follows the store: `follow`, each second while `ReceiveEvents` of `asgi_mw` or
`wsgi_mw` runs.

Spec: RFC 8935 2.2; RFC 8936 2.4; SSF 4.1.6; CAEP 3.1, 3.2, 3.3; FAPI2-SP 5.3.4-3
Role: RS
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from typing import Final

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow, background, sleep
from fapikit.forks import reset_after_fork
from fapikit.io import AsyncDriver, HttpSettings, SyncDriver
from fapikit.secrets import Concealed, Secret
from fapikit.signals.polling import Poller, Polling
from fapikit.signals.push import PushAnswer, PushEndpoint
from fapikit.signals.receiver import EventReceiver, Heard
from fapikit.signals.security_event import SecurityEvent
from fapikit.signals.transmitters import Transmitter
from fapikit.stores.protocol import Store, require_store
from rskit.errors import NothingRevoked
from rskit.revocation import Denylist
from rskit.signals.revocation_log import RevocationLog
from rskit.signals.revocations import UNDERSTOOD, Revocation, ends_tokens, revocations_of

LOG: Final = logging.getLogger("rskit.signals")
FOLLOW_EVERY: Final = 1.0
"""Seconds between two looks for what other processes were told."""


class SignalReceiver:
    """Feeds a denylist from Shared Signals. Threads and event loops may share it.

    `denylist`: the one of the resource servers of this process. `store`: all processes of the API share it.
    `token_lifetime`: how long an access token lives at most, in seconds; a revocation is kept that long.
    `token_issuers`: whose tokens this transmitter may end; by default those of the issuer that it is itself.
    `name`: tells apart the APIs that share a store; by default the audience of the transmitter. `polling`: fetch the
    events, where the transmitter does not push them.
    """

    def __init__(
        self,
        transmitter: Transmitter,
        *,
        denylist: Denylist,
        store: Store,
        token_lifetime: float,
        token_issuers: Collection[str] | None = None,
        name: str | None = None,
        polling: Polling | None = None,
        http: HttpSettings | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Raises ConfigurationError."""
        if not 0 < token_lifetime <= 366 * 86_400:
            raise ConfigurationError(
                "token_lifetime of a SignalReceiver is the longest life of an access token, in seconds",
                facts={"token_lifetime": token_lifetime},
            )
        if isinstance(token_issuers, str) or (token_issuers is not None and not token_issuers):
            raise ConfigurationError(
                "token_issuers of a SignalReceiver must name at least one issuer, in a list"
            )
        self._denylist = denylist
        self._token_lifetime = token_lifetime
        self._token_issuers = tuple(token_issuers or (transmitter.issuer,))
        named = name or transmitter.audience
        self._log = RevocationLog(require_store(store), named, clock)
        self.events = EventReceiver(
            transmitter,
            store=store,
            name=f"api {named}",
            act=self._act,
            understood=UNDERSTOOD,
            clock=clock,
        )
        self._push = PushEndpoint(self.events)
        self._poller = None if polling is None else Poller(self.events, polling)
        self.sync_driver = SyncDriver(http)
        self.async_driver = AsyncDriver(http)
        self._started = self._closed = False
        reset_after_fork(self)

    def push(
        self, *, authorization: Concealed[str | None], content_type: str | None, body: Concealed[bytes]
    ) -> Flow[PushAnswer]:
        """The answer to one POST of the transmitter (RFC 8935). It raises no FapiError."""
        return self._push.answer(authorization=authorization, content_type=content_type, body=body)

    def hear(self, token: str) -> Flow[Heard]:
        """Take one event that came another way, such as by a queue. Raises what `EventReceiver.hear` raises."""
        return self.events.hear(Secret(token))

    def follow(self) -> Flow[None]:
        """Refuse what was revoked since the last look, by any process. Raises StoreError."""
        for revocation in (yield from self._log.read_new()):
            self._refuse(revocation)

    def poll(self) -> Flow[int]:
        """Fetch and acknowledge all events that wait now. Returns how many. Raises as `Poller.drain` does."""
        if self._poller is None:
            raise ConfigurationError("this SignalReceiver has no polling=, so its events are pushed")
        return self._poller.drain()

    def works(self) -> Iterator[tuple[str, Callable[[], Flow[None]]]]:
        """What runs for as long as the application does, each by a name: it follows, and polls if it is to poll."""
        yield "rs-signals-follow", self.keep_up
        if self._poller is not None:
            yield "rs-signals-poll", self._poller.keep_polling

    def keep_up(self) -> Flow[None]:
        """Follow until it is closed. A failure is logged, and the next look tries again."""
        failing = False
        while not self._closed:
            try:
                yield from self.follow()
                failing = False
            except Exception as error:  # noqa: BLE001 - one failure must not end the look for all time
                if not failing:
                    LOG.warning("what other processes were told of is not known now: %s", error)
                failing = True
            yield from sleep(FOLLOW_EVERY)

    def start(self) -> None:
        """Follow and poll in threads of this process. Once in each process, whoever calls it and how often."""
        if not self._started:
            self._started = True
            for name, work in self.works():
                self.sync_driver.run(background(name, work))

    def close(self) -> None:
        """End what `start` began, and close the connections of the synchronous methods."""
        self._closed = True
        if self._poller is not None:
            self.sync_driver.run(self._poller.close())
        self.sync_driver.close()

    async def aclose(self) -> None:
        """The same for the works of this event loop, which whoever began them has cancelled."""
        if self._poller is not None:
            await self.async_driver.run(self._poller.close())
        await self.async_driver.aclose()

    def after_fork(self) -> None:
        self._started = False

    def _act(self, event: SecurityEvent) -> Flow[None]:
        found = revocations_of(event, token_issuers=self._token_issuers, token_lifetime=self._token_lifetime)
        if not found and ends_tokens(event):
            LOG.warning(
                "an event ends nothing here: its subject (%s) names no token, user, client or session of %s: %s",
                event.subject.format[:40],
                ", ".join(self._token_issuers),
                event,
            )
        for revocation in found:
            yield from self._log.append(revocation)
            self._refuse(revocation)

    def _refuse(self, revocation: Revocation) -> None:
        try:
            self._denylist.revoke(**revocation.members())
        except NothingRevoked as error:
            LOG.info("a revocation changes nothing: %s", error)

    def __repr__(self) -> str:
        return f"SignalReceiver({self.events.transmitter.issuer})"
