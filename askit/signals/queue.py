"""The events that a receiver has not acknowledged: in the store, in their order, and of limited number and time.

The `jti` of an event begins with its number in the queue. So an acknowledgement finds it at once.

Spec: RFC 8936 2.2, 2.4; RFC 8417 2.2
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from askit.config.shared_signals import SharedSignals
from askit.core import Core
from fapikit import strict_json
from fapikit.errors import UnreadableRecord
from fapikit.secrets import random_token
from fapikit.signals.numbered_log import NumberedLog

_JTI: Final = re.compile(r"(\d{1,15})-[A-Za-z0-9_-]{22}\Z")


class EventQueue:
    """That of one stream."""

    def __init__(self, core: Core, settings: SharedSignals, stream_id: str) -> None:
        self._core = core
        self._settings = settings
        self._log = NumberedLog(core.records.store, core.records.key("events", stream_id), core.clock)

    async def add(self, claims: Mapping[str, Any]) -> None:
        """Keep an event; its claims get their `jti` here. Raises StoreError."""
        nonce = random_token(self._core.random_bytes, 16)

        def make(number: int) -> bytes:
            return strict_json.dump({**claims, "jti": f"{number}-{nonce}"})

        dropped = await self._core.run(
            self._log.append(make, self._settings.kept, most=self._settings.longest_queue)
        )
        if dropped:
            self._core.log.error(
                "the queue of events for %s is full: %d of the oldest are lost", claims["aud"], dropped
            )

    async def first(self, most: int) -> tuple[list[dict[str, Any]], bool]:
        """The claims of the first events, and whether there are more. Raises StoreError."""
        entries, _ = await self._core.run(self._log.read_first(most + 1))
        return [_claims_of(octets) for _, octets in entries[:most]], len(entries) > most

    async def is_half_full(self) -> bool:
        """Raises StoreError."""
        return await self._core.run(self._log.length()) >= self._settings.longest_queue // 2

    async def remove(self, jti: str) -> bool:
        """The receiver has acknowledged an event, or refused it. Returns whether it waited. Raises StoreError."""
        named = _JTI.match(jti)
        if named is None:
            return False
        number = int(named[1])
        octets = await self._core.run(self._log.get(number))
        if octets is None or _claims_of(octets)["jti"] != jti:
            return False
        await self._core.run(self._log.remove(number))
        return True

    async def clear(self) -> None:
        """Raises StoreError."""
        await self._core.run(self._log.clear())


def _claims_of(octets: bytes) -> dict[str, Any]:
    try:
        return strict_json.parse_object(octets)
    except ValueError as error:
        raise UnreadableRecord("a stored event cannot be read") from error
