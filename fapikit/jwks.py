"""A peer's key set behind its `jwks_uri`: fetched once for all, refreshed ahead of need, never hammered.

Rules (RS-7): https and no redirects; 512 KiB, 100 keys, 5 s. Fresh as long as Cache-Control says, between a minute
and a day, 10 min by default; refreshed in the background from 80 % of that on. When the endpoint fails the last good
keys serve an hour longer. An unknown kid causes at most one refetch in 30 s, which keys at hand never wait for.
A key gone from a fresh set stops working at once.

Spec: RFC 7517 5; FAPI2-SP 5.4.2-1; OIDC 10.1.1
Role: C, RS, AS
"""

from __future__ import annotations

import re
from typing import Final

from fapikit.clock import Clock
from fapikit.errors import FapiError, KeyNotFound, TransportError, UnusableAnswer
from fapikit.flow import Flow, background, http, shared
from fapikit.http_message import HttpRequest, HttpResponse, read_json_object
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import Purpose
from fapikit.urls import require_secure

FETCH_TIMEOUT: Final = 5.0
FETCH_MAX_BYTES: Final = 512 * 1024
DEFAULT_FRESH: Final = 600.0
MIN_FRESH: Final = 60.0
MAX_FRESH: Final = 86_400.0
REFRESH_AHEAD: Final = 0.8
STALE_IF_ERROR: Final = 3600.0
COOL_DOWN: Final = 30.0

_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)


class RemoteKeySet:
    """A `KeySource` over one `jwks_uri`; give each party one and keep it as long as the party."""

    def __init__(self, uri: str, *, clock: Clock) -> None:
        self.uri = require_secure(uri, "jwks_uri")
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._fresh_for = 0.0
        self._forced_at = float("-inf")
        self._forced_failed: TransportError | None = None

    def find(self, alg: str, kid: str | None, purpose: Purpose) -> Flow[PublicKey]:
        """The key for a JWS. Raises KeyNotFound, AmbiguousKey; TransportError when no usable set is at hand."""
        keys = yield from self._current()
        try:
            return keys.select(alg, kid, purpose)
        except KeyNotFound:
            if self._clock() - self._forced_at < COOL_DOWN:
                if self._forced_failed is not None:
                    raise self._forced_failed from None
                raise
        keys = yield from self._refetch()
        return keys.select(alg, kid, purpose)

    def peek(self) -> KeySet | None:
        """The keys at hand if they are fresh, without any I/O."""
        return self._keys if self._clock() < self._fetched_at + self._fresh_for else None

    def at_hand(self, now: float) -> KeySet | None:
        """The keys while they need nothing, not even a refresh ahead: a caller that asks only here never starves it."""
        return self._keys if now < self._fetched_at + self._fresh_for * REFRESH_AHEAD else None

    def load(self) -> Flow[KeySet]:
        """The keys, fetched if they are not at hand. Raises TransportError."""
        return (yield from self._current())

    def _current(self) -> Flow[KeySet]:
        age = self._clock() - self._fetched_at
        if self._keys is None or age >= self._fresh_for:
            try:
                return (yield from shared(("jwks", self.uri), self._fetch, deadline=FETCH_TIMEOUT + 1))
            except FapiError:
                if self._keys is None or age >= self._fresh_for + STALE_IF_ERROR:
                    raise
        elif age >= self._fresh_for * REFRESH_AHEAD:
            yield from background(("jwks", self.uri), self._fetch)
        return self._keys

    def _refetch(self) -> Flow[KeySet]:
        self._forced_at = self._clock()
        self._forced_failed = None
        try:
            return (yield from shared(("jwks", self.uri), self._fetch, deadline=FETCH_TIMEOUT + 1))
        except TransportError as error:
            self._forced_failed = error
            raise

    def _fetch(self) -> Flow[KeySet]:
        request = HttpRequest(
            "GET",
            self.uri,
            (("accept", "application/jwk-set+json, application/json"),),
            timeout=FETCH_TIMEOUT,
            max_bytes=FETCH_MAX_BYTES,
        )
        response = yield from http(request)
        try:
            keys = KeySet.from_jwks(read_json_object(response, clause="RFC 7517 5"))
        except TransportError:
            raise
        except FapiError as error:
            # Whatever the endpoint sent, it was no key set: nothing about the JWT has been decided.
            raise UnusableAnswer(
                f"the key set cannot be read: {error.message}", clause="RFC 7517 5"
            ) from error
        self._keys, self._fetched_at, self._fresh_for = keys, self._clock(), _fresh_for(response)
        return keys


def _fresh_for(response: HttpResponse) -> float:
    match = _MAX_AGE.search(", ".join(response.all("cache-control")))
    return DEFAULT_FRESH if match is None else min(max(float(match[1]), MIN_FRESH), MAX_FRESH)
