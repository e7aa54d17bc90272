"""One attempt to execute what a consent allows: reserve the consent, reconcile, execute, keep the outcome.

    free -> reserved until its lease ends -> executed, with its outcome

Before an attempt reserves a consent it binds the idempotency key to that consent. Each such record differs from all
others. An attempt that read the key earlier can then no longer bind it to another consent. So a consent is used once,
and a key uses one consent.

A reservation whose lease has ended counts as free, whatever happened to its attempt: `reconcile` is called before
anything is executed. So a killed process, or a store that lost its marks, wastes no consent and pays nothing twice.

Spec: RFC 9396 7.1, 9; Idempotency-Key 2.2, 2.6, 2.7
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import ceil
from typing import Any, Final, NamedTuple

from fapikit.clock import Clock, RandomBytes
from fapikit.errors import StoreError, StoreUnavailable
from fapikit.flow import Flow, call, store_get, store_swap
from fapikit.secrets import random_token
from rskit.answers.trace import LOGGER
from rskit.consents.ledger import ConsentLedger, Execute, NotExecuted, Reservation
from rskit.consents.marks import ConsentMark, KeyMark, storable
from rskit.errors import ConsentInUse, ConsentUsed, IdempotencyKeyReused, OutcomeUnknown

_TRIES: Final = 16
_SHORTEST: Final = 1.0


class Consent(NamedTuple):
    """A consent that covers the request. `name` identifies it in the store. Its mark is kept until `keep`."""

    name: str
    keep: float


class _Overtaken(Exception):
    """Another attempt has written in between: read again."""


class _Held(NamedTuple):
    """A consent, and the mark that this attempt has written for it."""

    consent: Consent
    octets: bytes | None
    mark: ConsentMark

    @property
    def payment(self) -> str:
        return payment_of(self.consent)


class Attempt:
    """`holder` identifies the idempotency key of one client, user and API; `fingerprint` identifies the request."""

    def __init__(
        self,
        ledger: ConsentLedger,
        detail: Mapping[str, Any],
        *,
        holder: str,
        fingerprint: str,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._ledger = ledger
        self._detail = detail
        self._holder = holder
        self._fingerprint = fingerprint
        self._clock = clock
        self._random_bytes = random_bytes

    def use_one(self, consents: Sequence[Consent], execute: Execute) -> Flow[Any]:
        """The outcome of `execute`, or the kept outcome of the first request with this key.

        Raises IdempotencyKeyReused, ConsentInUse, ConsentUsed, OutcomeUnknown, StoreError, and what `execute` raises.
        """
        for _ in range(_TRIES):
            try:
                return (yield from self._use_one(consents, execute))
            except _Overtaken:
                continue
        raise StoreUnavailable("the mark of this consent changed too often", facts={"tries": _TRIES})

    def _use_one(self, consents: Sequence[Consent], execute: Execute) -> Flow[Any]:
        seen = yield from store_get(self._ledger.store, self._key_place)
        tied = None if seen is None else KeyMark.load(seen)
        if tied is not None and tied.fingerprint != self._fingerprint:
            raise IdempotencyKeyReused("this idempotency key was used before with another request")
        in_use: list[float] = []
        for consent, carried in _in_order(consents, tied):
            octets = yield from store_get(self._ledger.store, _place(consent))
            mark = None if octets is None else ConsentMark.load(octets)
            if mark is not None and mark.is_taken(self._clock()):
                if mark.holder == self._holder:
                    return (yield from self._own_outcome(consent, mark))
                if mark.state == "reserved":
                    in_use.append(mark.until)
                continue
            own = yield from self._tie(seen, consent)
            held = yield from self._reserve(consent, octets)
            yield from self._ask_the_books(held, mark)
            if not carried:
                yield from self._free(held, own)
                raise IdempotencyKeyReused(
                    "the first request with this key used a consent that this token lacks"
                )
            return (yield from self._execute(held, own, execute))
        if in_use:
            raise self._in_use(min(in_use), "another request is using this consent")
        raise ConsentUsed("each consent that covers this request has been used before")

    def _ask_the_books(self, held: _Held, before: ConsentMark | None) -> Flow[None]:
        """Continue if nothing was executed for this consent. Raises OutcomeUnknown; _Overtaken if something was.

        `before`: the mark of an attempt whose lease has ended, if there is one. An outcome that `reconcile` returns is
        that attempt's.
        """
        whose = before.holder if before is not None and before.state == "reserved" else ""
        try:
            outcome = yield from self._reconcile(held.consent)
        except OutcomeUnknown:
            # Reconciling has started nothing, so the next attempt may reconcile at once.
            with suppress(StoreError, _Overtaken):
                yield from self._write(held, holder=whose, until=0.0)
            raise
        if outcome is not None:
            LOGGER.warning("%s is in the books, but its mark did not say so", held.payment)
            yield from self._write(held, holder=whose, state="executed", outcome=storable(outcome))
            raise _Overtaken

    def _reconcile(self, consent: Consent) -> Flow[Any]:
        """Call the application's `reconcile`. Raises OutcomeUnknown, whatever the application raised."""
        ledger = self._ledger
        try:
            return (yield from call(ledger.reconcile, self._reservation(consent), deadline=ledger.lease / 2))
        except Exception as error:
            raise OutcomeUnknown(
                "reconcile raised: it is not known whether this request was executed"
            ) from error

    def _own_outcome(self, consent: Consent, mark: ConsentMark) -> Flow[Any]:
        """The outcome of the first request with this key. Raises ConsentInUse while that request runs."""
        if mark.state == "reserved":
            raise self._in_use(mark.until, "the first request with this idempotency key is still running")
        outcome = mark.outcome
        if outcome is None:
            outcome = yield from self._reconcile(consent)
        if outcome is None:
            raise OutcomeUnknown("this request was executed, but its outcome is no longer known")
        return outcome

    def _tie(self, seen: bytes | None, consent: Consent) -> Flow[bytes]:
        """Bind the key to a consent. Raises _Overtaken if it was bound since it was read."""
        tied = KeyMark(
            fingerprint=self._fingerprint, consent=consent.name, keep=consent.keep, attempt=self._fresh()
        ).dump()
        store, ttl = self._ledger.store, self._ttl(consent.keep)
        if not (yield from store_swap(store, self._key_place, seen, tied, ttl)):
            raise _Overtaken
        return tied

    def _reserve(self, consent: Consent, octets: bytes | None) -> Flow[_Held]:
        """Raises _Overtaken if the mark has changed since it was read."""
        mark = ConsentMark(state="reserved", holder=self._holder, keep=consent.keep, attempt="")
        return (
            yield from self._write(_Held(consent, octets, mark), until=self._clock() + self._ledger.lease)
        )

    def _execute(self, held: _Held, tied: bytes, execute: Execute) -> Flow[Any]:
        """Half of the lease is for `execute`. The other half is for what it started to arrive in the books.

        So a failure does not end the lease: the books may not have the result yet.
        """
        left = held.mark.until - self._ledger.lease / 2 - self._clock()
        if left <= 0:
            raise StoreUnavailable(
                "half of the lease was over before the execution began: nothing was executed"
            )
        try:
            outcome = yield from call(execute, self._reservation(held.consent), deadline=left)
        except NotExecuted:
            yield from self._free(held, tied)
            raise
        except TimeoutError as error:
            raise OutcomeUnknown("executing this request took too long: its outcome is not known") from error
        yield from self._keep_outcome(held, outcome)
        return outcome

    def _free(self, held: _Held, tied: bytes) -> Flow[None]:
        """Nothing was executed. The consent may be used again, and the key is forgotten."""
        with suppress(StoreError, _Overtaken):
            yield from self._write(held, state="free")
            yield from store_swap(self._ledger.store, self._key_place, tied, tied, self._ledger.lease)

    def _keep_outcome(self, held: _Held, outcome: Any) -> Flow[None]:
        """The request is executed. A failure here is only logged; on a retry `reconcile` returns the outcome."""
        kept = storable(outcome)
        if kept is None:
            LOGGER.error(
                "the outcome of %s is not kept: it must be a JSON object of at most 64 KiB", held.payment
            )
        try:
            yield from self._write(held, state="executed", outcome=kept)
        except (StoreError, _Overtaken) as error:
            why = "its attempt took longer than its lease" if isinstance(error, _Overtaken) else str(error)
            LOGGER.error("%s was executed, but its mark could not be written: %s", held.payment, why)

    def _write(self, held: _Held, **changes: Any) -> Flow[_Held]:
        """Change a mark. Raises _Overtaken if the mark has changed since it was read."""
        mark = replace(held.mark, **changes, attempt=self._fresh())
        new, place = mark.dump(), _place(held.consent)
        if not (yield from store_swap(self._ledger.store, place, held.octets, new, self._ttl(mark.keep))):
            raise _Overtaken
        return _Held(held.consent, new, mark)

    def _reservation(self, consent: Consent) -> Reservation:
        return Reservation(payment_of(consent), self._detail)

    def _in_use(self, until: float, message: str) -> ConsentInUse:
        return ConsentInUse(message, retry_after=max(1, ceil(until - self._clock())))

    def _ttl(self, keep: float) -> float:
        return max(keep - self._clock(), _SHORTEST)

    def _fresh(self) -> str:
        return random_token(self._random_bytes, 16)

    @property
    def _key_place(self) -> str:
        return f"idempotency:{self._holder}"


def payment_of(consent: Consent) -> str:
    """The id of the execution for a consent. It is the same in every attempt."""
    return consent.name[:32]


def _place(consent: Consent) -> str:
    return f"consent:{consent.name}"


def _in_order(consents: Sequence[Consent], tied: KeyMark | None) -> Iterator[tuple[Consent, bool]]:
    """Each consent, and whether this token has it. The consent that the key is bound to comes first, in any case."""
    named = {consent.name: consent for consent in consents}
    if tied is not None:
        carried = named.pop(tied.consent, None)
        yield carried or Consent(tied.consent, tied.keep), carried is not None
    for consent in named.values():
        yield consent, True
