"""What was revoked, in the store that all processes of an API share. Each follows it, also one that starts later.

An entry lives until its tokens have ended.

Spec: RFC 8936 2.4; FAPI2-SP 5.3.4-3
Role: RS
"""

from __future__ import annotations

import hashlib
from typing import Final

from fapikit import strict_json
from fapikit.clock import Clock
from fapikit.errors import UnreadableRecord
from fapikit.flow import Flow
from fapikit.jose.claims import MAX_FUTURE
from fapikit.signals.numbered_log import NumberedLog
from fapikit.stores.protocol import Store
from rskit.signals.revocations import Revocation

_AT_ONE_LOOK: Final = 10_000


class RevocationLog:
    """`name`: the API; logs of several APIs may be in one store."""

    def __init__(self, store: Store, name: str, clock: Clock) -> None:
        self.key = f"signals:revoked:{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        self._entries = NumberedLog(store, self.key, clock)
        self._clock = clock
        self._begun_at: float | None = None
        self._next = 0
        """The number of the first entry that was not read here."""

    def append(self, revocation: Revocation) -> Flow[None]:
        """Keep a revocation. Raises StoreError."""
        value = strict_json.dump(revocation.members())
        ttl = max(revocation.until + MAX_FUTURE - self._clock(), 1.0)
        yield from self._entries.append(lambda _: value, ttl)

    def read_new(self) -> Flow[list[Revocation]]:
        """What was appended since the last look, by any process; at the first look all that still counts."""
        head = yield from self._entries.head()
        if head.begun_at is not None and head.begun_at != self._begun_at:
            self._begun_at, self._next = head.begun_at, head.first
        seen = yield from self._entries.read(self._next, _AT_ONE_LOOK, look_at=_AT_ONE_LOOK)
        self._next = seen.after
        return [_read(octets) for _, octets in seen.entries]


def _read(octets: bytes) -> Revocation:
    try:
        return Revocation.of_members(strict_json.parse_object(octets))
    except (ValueError, TypeError) as error:
        raise UnreadableRecord("an entry of the log of revocations cannot be read") from error
