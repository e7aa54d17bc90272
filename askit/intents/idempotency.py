"""A client that lodges an intent with an idempotency key, and does not hear the answer, lodges it again and has one.

The key is optional. It counts for one client, one consent resource and a day. A retry with the same body gets the
intent as it is now; another body is refused. A body that was refused has used no key.

Spec: Idempotency-Key 2.1, 2.2, 2.4, 2.6, 2.7; LODGING 1
Role: AS
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from askit.clients.client import Client
from askit.config.details_types import DetailsType
from askit.core import Core
from askit.errors import IdempotencyKeyReused, UnusableIdempotencyKey
from askit.intents import life
from askit.records import Intent, Record
from fapikit.errors import StoreUnavailable
from fapikit.idempotency_key import RULE, idempotency_key_of
from fapikit.lodged_intents import IDEMPOTENCY_KEY

LIFETIME: Final = 86_400.0
"""Seconds, as both demand. An intent is remembered for longer (`life.keep`), so a key never names one that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedIntent(Record):
    """What was lodged with a key. `fingerprint`: of the body."""

    intent_id: str
    fingerprint: str


class KeyedLodging:
    """One request that lodges an intent with a key."""

    def __init__(
        self, core: Core, client: Client, known: DetailsType, key: str, body: Mapping[str, Any]
    ) -> None:
        self._core = core
        self._client = client
        self._name = chr(0).join((client.client_id, known.type, key))
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
        self._fingerprint = hashlib.sha256(canonical.encode()).hexdigest()

    async def lodged_before(self) -> Intent | None:
        """The intent of the first request with this key. Raises IdempotencyKeyReused for another body; StoreError."""
        found = await self._core.records.load("intent-key", self._name, KeyedIntent)
        if found is None:
            return None
        if found.fingerprint != self._fingerprint:
            raise IdempotencyKeyReused(
                f"this {IDEMPOTENCY_KEY} was used before with another body: send each intent with a key of its own"
            )
        lodged = await life.find(self._core, found.intent_id, self._client)
        return None if lodged is None else lodged.intent

    async def keep(self, intent: Intent) -> Intent:
        """Store a new intent with its key. If another request was first, its intent is the one.

        The intent is stored before the key: whoever dies in between has lodged what no request can name.
        Raises IdempotencyKeyReused, ShareTaken, TooLarge, StoreError.
        """
        core, owners = self._core, self._client.owners
        keyed = KeyedIntent(intent_id=intent.intent_id, fingerprint=self._fingerprint)
        mark = core.records.marking("intent-key", self._name, LIFETIME, keyed.dump().decode(), owners=owners)
        _, first = await core.records.together(life.keeping(core, self._client, intent), mark)
        if first:
            return intent
        await core.records.remove("intent", intent.intent_id)
        before = await self.lodged_before()
        if before is None:
            raise StoreUnavailable("the intent of another request with this key is not in the store")
        return before


def read_key(request: Request) -> str | None:
    """The key of a request; None without one. Raises UnusableIdempotencyKey."""
    values = request.headers.getlist(IDEMPOTENCY_KEY)
    if not values:
        return None
    key = idempotency_key_of(values)
    if key is None:
        raise UnusableIdempotencyKey(f"{IDEMPOTENCY_KEY} {RULE}")
    return key
