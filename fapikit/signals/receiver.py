"""An event that came, by whichever way: it is verified, acted on once, and remembered.

It is remembered after it was acted on. So a process that dies in between acts a second time when the event comes again,
and no event is lost. What acts must allow for that. Two deliveries of one event are one event if issuer and `jti` are
the same. Several receivers may share a store, and a transmitter may send one event to all of them: each remembers for
itself, so that none takes an event away from another.

Spec: RFC 8417 2.2; RFC 8936 2.4; SSF 3.6, 8.1.4, 8.1.5
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from fapikit.clock import Clock, system_clock
from fapikit.errors import FapiError, MalformedClaim, TransportError, UnknownVerification, UnusableAnswer
from fapikit.errors.base import on_one_line
from fapikit.flow import Flow, store_get, store_put
from fapikit.jose.claims import Expected
from fapikit.jose.purposes import SECURITY_EVENT_TOKEN
from fapikit.secrets import Secret
from fapikit.signals.event_budget import BudgetLeft
from fapikit.signals.event_types import ABOUT_THE_STREAM, STREAM_UPDATED, VERIFICATION
from fapikit.signals.security_event import SecurityEvent, read_security_event
from fapikit.signals.subjects import PARTS
from fapikit.signals.transmitters import KnownTransmitter, Transmitter
from fapikit.stores.protocol import Store

LOG: Final = logging.getLogger("fapikit.signals")
REMEMBERED: Final = 14 * 86_400.0
"""Seconds: longer than a transmitter keeps an event. An older one is refused, because it may have been heard before."""
VERIFICATION_LIFETIME: Final = 86_400.0

Act: TypeAlias = Callable[[SecurityEvent], Flow[None]]
"""What an event does here. It may be called twice for one event. Raises StoreError if it cannot be done now."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that was taken. `again`: it had been heard before, and nothing was done."""

    event: SecurityEvent
    again: bool = False


def expect_verification(store: Store, issuer: str, state: str) -> Flow[None]:
    """Note that a verification event of this issuer, with this state, was asked for. Raises StoreError."""
    yield from store_put(store, _key("verification", issuer, state), b"1", VERIFICATION_LIFETIME)


class EventReceiver:
    """Takes the events of one transmitter.

    `store`: remembers which were heard; all processes share it. `name`: tells apart the receivers that share it.
    `understood`: the parts of a complex subject that `act` can tell apart.
    """

    def __init__(
        self,
        transmitter: Transmitter,
        *,
        store: Store,
        name: str,
        act: Act,
        understood: Collection[str] = PARTS,
        skew: float = 30.0,
        clock: Clock = system_clock,
    ) -> None:
        self.transmitter = transmitter
        self._known = KnownTransmitter(transmitter, clock)
        self._left = BudgetLeft(transmitter.budget)
        self._store = store
        self._name = name
        self._act = act
        self._understood = frozenset(understood)
        self._skew = skew
        self.clock = clock

    def hear(self, token: Secret, *, sender_known: bool = True) -> Flow[Heard]:
        """Take one security event token. Raises the JwtError of the failed check; UnknownVerification.

        TransportError, StoreError, TooManyEvents: it cannot be decided now, and should come again. `sender_known`: it
        comes from the transmitter, whatever it is. Without that only what the transmitter signed counts for its budget,
        and once, so that nobody else can use it up.
        """
        octets, now = len(token.reveal()), self.clock()
        self._left.require(octets, now)
        if sender_known:
            self._left.spend(octets, now)
        event = yield from self._verified(token)
        mark = _key("heard", self._name, event.issuer, event.jti)
        if (yield from store_get(self._store, mark)) is not None:
            return Heard(event, again=True)
        if not sender_known:
            self._left.spend(octets, now)
        if event.types & ABOUT_THE_STREAM:
            yield from self._hear_of_stream(event)
        elif self._is_usable(event):
            yield from self._act(event)
        yield from store_put(self._store, mark, b"1", REMEMBERED)
        return Heard(event)

    def expect_verification(self, state: str) -> Flow[None]:
        """Note that a verification event with this state was asked for. Raises StoreError."""
        return expect_verification(self._store, self.transmitter.issuer, state)

    def _verified(self, token: Secret) -> Flow[SecurityEvent]:
        try:
            keys = yield from self._known.key_source()
        except TransportError:
            raise
        except FapiError as error:
            # The event may be good. Its transmitter keeps it for another try.
            raise UnusableAnswer(
                f"the keys of the transmitter cannot be found: {error.message}", clause="SSF 7.2"
            ) from error
        expected = Expected(
            issuer=self.transmitter.issuer,
            audience=(self.transmitter.audience,),
            now=self.clock(),
            skew=self._skew,
            max_age=REMEMBERED,
        )
        return (
            yield from read_security_event(
                token, keys=keys, algorithms=self.transmitter.accepted_algorithms, expected=expected
            )
        )

    def _is_usable(self, event: SecurityEvent) -> bool:
        """Whether `act` understands each part of its subject that its transmitter calls critical."""
        subject = event.subject
        not_understood = {*subject.parts, *subject.unknown_parts} - self._understood
        critical = not_understood & self._known.critical_subject_members
        if critical:
            LOG.warning(
                "an event is dropped, because %s of its subject is critical: %s", min(critical), event
            )
        return not critical

    def _hear_of_stream(self, event: SecurityEvent) -> Flow[None]:
        expected, named = self.transmitter.stream_id, event.subject.opaque_id()
        if named is None or (expected is not None and named != expected):
            raise SECURITY_EVENT_TOKEN.fail(
                MalformedClaim,
                "sub_id of an event about the stream is not the stream_id, as an opaque identifier",
                clause="SSF 8.1.4",
                facts={"claim": "sub_id"},
            )
        if STREAM_UPDATED in event.events:
            said = event.events[STREAM_UPDATED]
            status, reason = (on_one_line(str(said.get(name, ""))[:200]) for name in ("status", "reason"))
            LOG.warning("%s says that the stream %s is %s: %s", event.issuer, named[:80], status, reason)
            return
        state = event.events[VERIFICATION].get("state")
        if state is None:  # the transmitter looks whether we are there
            return
        asked = isinstance(state, str) and (
            yield from store_get(self._store, _key("verification", event.issuer, state))
        )
        if not asked:
            raise UnknownVerification("the state of this verification event was not asked for here")
        LOG.info("the stream %s of %s is verified", named[:80], event.issuer)


def _key(what: str, *names: str) -> str:
    return f"signals:{what}:{hashlib.sha256(chr(0).join(names).encode()).hexdigest()}"
