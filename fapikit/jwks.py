"""A peer's key set behind its `jwks_uri`: fetched once for all, refreshed ahead of need, never hammered.

Rules (RS-7): https and no redirects; 512 KiB, 100 keys, 5 s. Fresh as long as Cache-Control says, between a minute
and a day, 10 min by default; refreshed in the background from 80 % of that on. When the endpoint fails the last good
keys serve an hour longer, and it is left alone for a few seconds. An unknown kid causes at most one refetch in 30 s,
which keys at hand never wait for; one that a refetch did not bring causes no other for a minute. A key gone from a
fresh set stops working at once.

Spec: RFC 7517 5; FAPI2-SP 5.4.2-1; FAPI1-ADV 8.9-1; OIDC 10.1.1
Role: C, RS, AS
"""

from __future__ import annotations

import re
from typing import Final

from fapikit.clock import Clock
from fapikit.errors import FapiError, KeyNotFound, TransportError, Unreachable, UnusableAnswer
from fapikit.flow import Flow, background, http, shared
from fapikit.http_message import HttpRequest, HttpResponse, read_json_object
from fapikit.io.recently_absent import RecentlyAbsent
from fapikit.jose.encryption_keys import EncryptionKey
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
FAILURE_PAUSE: Final = 5.0
ABSENT_FOR: Final = 60.0
MAX_ABSENT: Final = 256

_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)
_NOT_AT_ALL: Final = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?:$|[,\s])", re.IGNORECASE)


class RemoteKeySet:
    """A `KeySource` over one `jwks_uri`; give each party one and keep it as long as the party."""

    def __init__(self, uri: str, *, clock: Clock) -> None:
        self.uri = require_secure(uri, "jwks_uri")
        self._clock = clock
        self._keys: KeySet | None = None
        self._asked_at = float("-inf")
        self._asked = self._answered = 0
        self._fresh_for = 0.0
        self._failure: tuple[float, TransportError] | None = None
        self._forced_at = float("-inf")
        self._forcing = False
        self._absent = RecentlyAbsent(max_entries=MAX_ABSENT, ttl=ABSENT_FOR, clock=clock)
        # Two objects for one URI share nothing: each has keys of its own.
        self._work = ("jwks", uri, id(self))

    def find(self, alg: str, kid: str | None, purpose: Purpose) -> Flow[PublicKey]:
        """The key for a JWS. Raises KeyNotFound, AmbiguousKey; TransportError when no usable set is at hand."""
        keys = yield from self._current()
        try:
            return keys.select(alg, kid, purpose)
        except KeyNotFound:
            # A refetch under way may bring the key, so it is waited for; soon after one, nothing is asked again.
            if not self._forcing and 0 <= self._clock() - self._forced_at < COOL_DOWN:
                if self._failure is not None:
                    raise self._left_alone(self._failure[1]) from None
                raise
            if self._absent.holds((alg, kid)):
                raise
        keys = yield from self._refetch()
        try:
            return keys.select(alg, kid, purpose)
        except KeyNotFound:
            self._absent.add((alg, kid))
            raise

    def find_encryption_key(self, alg: str) -> Flow[EncryptionKey]:
        """The key to encrypt to this party with. Raises UnusableKey; TransportError when no set is at hand."""
        return (yield from self._current()).encryption_key(alg)

    def at_hand(self, now: float) -> KeySet | None:
        """The keys while they need nothing, not even a refresh ahead: a caller that asks only here never starves it."""
        return self._keys if 0 <= now - self._asked_at < self._fresh_for * REFRESH_AHEAD else None

    def load(self) -> Flow[KeySet]:
        """The keys, fetched if they are not at hand. Raises TransportError."""
        return (yield from self._current())

    def _current(self) -> Flow[KeySet]:
        now = self._clock()
        age = now - self._asked_at
        failed = self._failure
        resting = failed is not None and 0 <= now - failed[0] < FAILURE_PAUSE
        if self._keys is not None and 0 <= age < self._fresh_for:  # a clock may be set back
            if age >= self._fresh_for * REFRESH_AHEAD and not resting:
                yield from background(self._work, self._fetch)
            return self._keys
        try:
            if failed is not None and resting:
                raise self._left_alone(failed[1])
            return (yield from self._share())
        except TransportError:
            if self._keys is None or age >= self._fresh_for + STALE_IF_ERROR:
                raise
        return self._keys

    def _refetch(self) -> Flow[KeySet]:
        if not self._forcing:
            self._forced_at = self._clock()
        self._forcing = True
        try:
            return (yield from self._share())
        finally:
            self._forcing = False

    def _share(self) -> Flow[KeySet]:
        return (yield from shared(self._work, self._fetch, deadline=FETCH_TIMEOUT + 1))

    def _fetch(self) -> Flow[KeySet]:
        asked_at = self._clock()
        self._asked = number = self._asked + 1
        try:
            response, keys = yield from self._ask()
        except TransportError as error:
            self._failure = (self._clock(), error)
            raise
        self._failure = None
        if number > self._answered:  # a slow old answer does not replace a newer one
            self._answered = number
            self._keys, self._asked_at, self._fresh_for = keys, asked_at, _fresh_for(response)
        return keys

    def _ask(self) -> Flow[tuple[HttpResponse, KeySet]]:
        request = HttpRequest(
            "GET",
            self.uri,
            (("accept", "application/jwk-set+json, application/json"),),
            timeout=FETCH_TIMEOUT,
            max_bytes=FETCH_MAX_BYTES,
        )
        response = yield from http(request)
        try:
            members = read_json_object(response, clause="RFC 7517 5")
            return response, KeySet.from_jwks(members, source=self.uri)
        except FapiError as error:
            # Whatever the endpoint sent, it was no key set: nothing about the JWT has been decided.
            raise UnusableAnswer(
                f"the key set cannot be read: {error.message}", clause="RFC 7517 5", facts=error.facts
            ) from error

    def _left_alone(self, error: TransportError) -> Unreachable:
        return Unreachable(
            f"the key set could not be had moments ago: {error.message}",
            clause=error.clause,
            facts={**error.facts, "cause": type(error).__name__},
        )


def _fresh_for(response: HttpResponse) -> float:
    control = ", ".join(response.all("cache-control"))
    if _NOT_AT_ALL.search(control):
        return MIN_FRESH
    match = _MAX_AGE.search(control)
    return DEFAULT_FRESH if match is None else min(max(float(match[1]), MIN_FRESH), MAX_FRESH)
