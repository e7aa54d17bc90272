"""What was revoked, in the store that all processes of an API share. Each follows it, also one that starts later.

The entries have numbers without gaps. Who appends one writes it with `add` under the next number, so no two have the
same. The head says about where the end is; a process that dies after it has written its entry leaves it behind by one.
So who follows looks at the head and at the next entry. An entry lives until its tokens have ended.

Spec: RFC 8936 2.4; FAPI2-SP 5.3.4-3
Role: RS
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from fapikit import strict_json
from fapikit.clock import Clock
from fapikit.errors import StoreUnavailable, UnreadableRecord
from fapikit.flow import Flow, store_add, store_get, store_swap
from fapikit.jose.claims import MAX_FUTURE
from fapikit.stores.protocol import Store
from rskit.signals.revocations import Revocation

_TRIES: Final = 1000
"""Another process takes a number first: then the next one is tried."""
_AT_ONE_LOOK: Final = 10_000
_HEAD_LIFETIME: Final = 400 * 86_400.0


class _Head(NamedTuple):
    """`first`: about the first entry that still counts. `end`: about the number after the last one.

    `begun_at`: when the log began. Another one shows that the store had lost the log.
    """

    first: int = 0
    end: int = 0
    begun_at: float = 0.0


class RevocationLog:
    """`name`: the API; logs of several APIs may be in one store."""

    def __init__(self, store: Store, name: str, clock: Clock) -> None:
        self._store = store
        self._prefix = f"signals:revoked:{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        self._clock = clock
        self._begun_at: float | None = None
        self._next = 0
        """The number of the first entry that was not read here."""

    def append(self, revocation: Revocation) -> Flow[None]:
        """Keep a revocation. Raises StoreError."""
        value = strict_json.dump(revocation.members())
        ttl = max(revocation.until + MAX_FUTURE - self._clock(), 1.0)
        _, head = yield from self._head()
        number = head.end
        for _ in range(_TRIES):
            if (yield from store_add(self._store, self._key(number), value, ttl)):
                yield from self._move_head(number + 1)
                return
            number += 1
        raise StoreUnavailable("too many revocations at the same time")

    def read_new(self) -> Flow[list[Revocation]]:
        """What was appended since the last look, by any process; at the first look all that still counts."""
        octets, head = yield from self._head()
        if octets is not None and head.begun_at != self._begun_at:
            self._begun_at, self._next = head.begun_at, head.first
        found = []
        for _ in range(_AT_ONE_LOOK):
            octets = yield from store_get(self._store, self._key(self._next))
            if octets is not None:
                found.append(_read(octets))
            elif self._next >= head.end:
                break
            self._next += 1  # of an entry that has ended nothing is left
        return found

    def _head(self) -> Flow[tuple[bytes | None, _Head]]:
        octets = yield from store_get(self._store, self._prefix)
        return octets, _Head() if octets is None else _head_of(octets)

    def _move_head(self, end: int) -> Flow[None]:
        for _ in range(_TRIES):
            octets, head = yield from self._head()
            if head.end >= end:
                return
            first = head.first
            while first < end - 1 and (yield from store_get(self._store, self._key(first))) is None:
                first += 1
            new = _Head(first, end, self._clock() if octets is None else head.begun_at)
            dumped = strict_json.dump(new._asdict())
            if (yield from store_swap(self._store, self._prefix, octets, dumped, _HEAD_LIFETIME)):
                return

    def _key(self, number: int) -> str:
        return f"{self._prefix}:{number}"


def _read(octets: bytes) -> Revocation:
    try:
        return Revocation.of_members(strict_json.parse_object(octets))
    except (ValueError, TypeError) as error:
        raise UnreadableRecord("an entry of the log of revocations cannot be read") from error


def _head_of(octets: bytes) -> _Head:
    try:
        members = strict_json.parse_object(octets)
        return _Head(int(members["first"]), int(members["end"]), float(members["begun_at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableRecord("the head of the log of revocations cannot be read") from error
