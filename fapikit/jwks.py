"""The key set of a peer at its `jwks_uri`: fetched once for all callers, refreshed in time, and not fetched too often.

Rules (RS-7): https and no redirects; at most 512 KiB, 100 keys, 5 s. A set is fresh as long as Cache-Control says, for
a minute at least and `KeyLimits.fresh` at most. After 80 % of that time it is refreshed in the background. If the
endpoint fails, the last keys are used until they are `KeyLimits.max_age` old, and the next fetch waits a few seconds.
A key that is missing in a new set is refused at once.

If a JWT has an unknown kid, the set is fetched again, and the set that was requested after the JWT came decides. A
token bucket limits these fetches (4 at once, then one in 15 s), so that nobody can use us to flood the peer. JWTs with
a known kid never wait for a fetch. While the bucket is empty, or if an HTTP cache returns an older set, an unknown kid
is undecided (KeyUndecided, a TransportError), because the peer may have a new key. Without another fetch, only two
kinds of JWT are refused: one that is five minutes older than the set, and one with a kid that the peer has withdrawn.

Spec: RFC 7517 5; FAPI2-SP 5.4.2-1; FAPI1-ADV 8.9-1; OIDC 10.1.1
Role: C, RS, AS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fapikit.clock import Clock
from fapikit.errors import (
    ConfigurationError,
    FapiError,
    KeyNotFound,
    KeyUndecided,
    TransportError,
    Unreachable,
    UnusableAnswer,
)
from fapikit.flow import Flow, background, http, shared
from fapikit.freshness import age_of, fresh_for
from fapikit.http_message import HttpRequest, HttpResponse, raise_error_in_body, read_json_object
from fapikit.jose.encryption_keys import EncryptionKey
from fapikit.jose.key_set import Algs, KeySet
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import Purpose
from fapikit.token_bucket import TokenBucket
from fapikit.urls import require_secure

FETCH_TIMEOUT: Final = 5.0
FETCH_DEADLINE: Final = FETCH_TIMEOUT + 1
FETCH_MAX_BYTES: Final = 512 * 1024
MIN_FRESH: Final = 60.0
REFRESH_AHEAD: Final = 0.8
FAILURE_PAUSE: Final = 5.0
REFETCHES_AT_ONCE: Final = 4
REFETCH_EVERY: Final = 15.0
SETTLED_AFTER: Final = 300.0
"""In seconds. A peer publishes a key before it signs with it. A set that is requested so much later than a JWT was
issued has its key, even if clocks differ and the peer has a cache."""
_MAX_WITHDRAWN: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """How long the keys of a peer are used, in seconds since they were requested.

    `fresh`: the longest time without a new fetch, whatever Cache-Control says. So a key that the peer withdraws is used
    no longer than this. `max_age`: the longest time that keys are used while the endpoint returns no key set. After
    it, nothing that they signed is accepted.
    """

    fresh: float = 600.0
    max_age: float = 3600.0

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not MIN_FRESH <= self.fresh <= self.max_age <= 86_400:
            raise ConfigurationError(
                f"KeyLimits(fresh={self.fresh}, max_age={self.max_age}): fresh must be 60 or more, max_age must be"
                " fresh or more and 86400 or less",
                clause="OIDC 10.1.1",
            )


DEFAULT_LIMITS: Final = KeyLimits()


class RemoteKeySet:
    """The `KeySource` of one `jwks_uri`. Make one for each peer, and keep it as long as you talk to the peer."""

    def __init__(self, uri: str, *, clock: Clock, limits: KeyLimits = DEFAULT_LIMITS) -> None:
        self.uri = require_secure(uri, "jwks_uri")
        self._clock = clock
        self._limits = limits
        self._keys: KeySet | None = None
        self._asked_at = self._as_of = float("-inf")
        self._asked = self._answered = 0
        self._fresh_for = 0.0
        self._failure: tuple[float, TransportError] | None = None
        self._refetches = TokenBucket(REFETCHES_AT_ONCE, REFETCH_EVERY)
        self._under_way_since = float("-inf")
        self._withdrawn: frozenset[str] = frozenset()
        # Two objects for the same URI share no fetch: each has its own keys.
        self._work = ("jwks", uri, id(self))

    def find(
        self, alg: Algs, kid: str | None, purpose: Purpose, *, issued_at: float | None = None
    ) -> Flow[PublicKey]:
        """The key for a JWS. Raises KeyNotFound, AmbiguousKey; TransportError if the keys cannot be fetched now."""
        before, came_at = self._asked, self._clock()
        keys = yield from self._current()
        while True:
            try:
                return keys.select(alg, kid, purpose)
            except KeyNotFound:
                answered = self._answered > before
                if self._is_settled(kid, issued_at) or (answered and self._as_of >= came_at):
                    raise
            if answered:
                raise _undecided(kid, "an HTTP cache returned a key set that is older than this JWT")
            keys = yield from self._refetch(kid)

    def find_encryption_key(self, alg: str) -> Flow[EncryptionKey]:
        """The key to encrypt to this peer with. Raises UnusableKey; TransportError if the keys cannot be fetched."""
        return (yield from self._current()).encryption_key(alg)

    def certificates(self) -> Flow[frozenset[bytes]]:
        """The certificates of this party's keys, DER. Raises TransportError when no set is at hand."""
        return (yield from self._current()).read_certificates()

    def has_certificate(self, der: bytes) -> Flow[bool]:
        """Whether this is the certificate of one of its keys; for an unknown one the set is asked for now.

        Raises TransportError when that cannot be known now.
        """
        before = self._asked
        keys = yield from self._current()
        if der not in keys.read_certificates() and self._answered <= before:
            keys = yield from self._refetch(None)
        return der in keys.read_certificates()

    def at_hand(self, now: float) -> KeySet | None:
        """The keys while they need no refresh, else None. So a caller that uses only this prevents no refresh."""
        return self._keys if 0 <= now - self._asked_at < self._fresh_for * REFRESH_AHEAD else None

    def load(self) -> Flow[KeySet]:
        """The keys, fetched if they are not fresh. Raises TransportError."""
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
            if self._keys is None or not 0 <= self._clock() - self._asked_at < self._limits.max_age:
                raise
        return self._keys

    def _is_settled(self, kid: str | None, issued_at: float | None) -> bool:
        """Whether a new fetch could not change the result for this unknown kid."""
        if issued_at is not None and issued_at + SETTLED_AFTER <= self._as_of:
            return True
        return kid in self._withdrawn and (issued_at is None or issued_at <= self._as_of)

    def _refetch(self, kid: str | None) -> Flow[KeySet]:
        """The keys of a new fetch, or of one that is running. Raises KeyUndecided if the token bucket is empty."""
        now = self._clock()
        if self._failure is not None and 0 <= now - self._failure[0] < FAILURE_PAUSE:
            raise self._left_alone(self._failure[1])
        if not 0 <= now - self._under_way_since < FETCH_DEADLINE:
            if not self._refetches.take(now):
                raise _undecided(kid, "the key set was fetched too often in the last seconds")
            # Set here and not at the start of the fetch: so of many callers at once, only one takes from the bucket.
            self._under_way_since = now
        return (yield from self._share())

    def _share(self) -> Flow[KeySet]:
        keys = yield from shared(self._work, self._fetch, deadline=FETCH_DEADLINE)
        return self._keys or keys  # another fetch may have brought newer ones

    def _fetch(self) -> Flow[KeySet]:
        self._under_way_since = asked_at = self._clock()
        self._asked = number = self._asked + 1
        try:
            response, keys = yield from self._ask()
        except TransportError as error:
            self._failure = (self._clock(), error)
            raise
        finally:
            self._under_way_since = float("-inf")
        self._failure = None
        if number > self._answered:  # a slow old answer does not replace a newer one
            self._withdrawn = _withdrawn(self._withdrawn, self._keys, keys)
            self._answered = number
            self._keys, self._asked_at, self._as_of = keys, asked_at, asked_at - age_of(response)
            fresh = self._limits.fresh
            self._fresh_for = fresh_for(response, least=MIN_FRESH, most=fresh, default=fresh)
        return keys

    def _ask(self) -> Flow[tuple[HttpResponse, KeySet]]:
        request = HttpRequest(
            "GET",
            self.uri,
            # The set in an HTTP cache may have a withdrawn key, and may lack a new one.
            (("accept", "application/jwk-set+json, application/json"), ("cache-control", "no-cache")),
            timeout=FETCH_TIMEOUT,
            max_bytes=FETCH_MAX_BYTES,
        )
        response = yield from http(request)
        try:
            members = read_json_object(response, clause="RFC 7517 5")
            if members.get("keys") is None:
                raise_error_in_body(response, clause="RFC 7517 5")
            return response, KeySet.from_jwks(members, source=self.uri)
        except FapiError as error:
            # The response is not a key set. So the JWT is neither good nor bad: the question is undecided.
            raise UnusableAnswer(
                f"the key set cannot be read: {error.message}", clause="RFC 7517 5", facts=error.facts
            ) from error

    def _left_alone(self, error: TransportError) -> Unreachable:
        return Unreachable(
            f"the last fetch of the key set failed a few seconds ago: {error.message}",
            clause=error.clause,
            facts={**error.facts, "cause": type(error).__name__},
        )


def _undecided(kid: str | None, why: str) -> KeyUndecided:
    return KeyUndecided(f"the key is unknown, and {why}", facts={"kid": kid or "none"})


def _withdrawn(before: frozenset[str], old: KeySet | None, new: KeySet) -> frozenset[str]:
    """The kids that earlier sets had and the new set does not have."""
    had, has = {key.kid for key in old.keys} if old is not None else set(), {key.kid for key in new.keys}
    gone = {kid for kid in had if kid is not None}
    if len(before) + len(gone) <= _MAX_WITHDRAWN:
        gone |= before
    return frozenset(gone - has)
