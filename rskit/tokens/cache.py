"""Tokens seen before, by their SHA-256, so that no token is kept; one cache per resource server, so none is shared.

An entry says how long it may speak: never past the token's end, and no longer than the keys that verified it are at
hand. What it cannot know, possession, is proven again on every request.

Spec: RFC 9068 4; RFC 7662 4 (RS-8)
Role: RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from fapikit.errors import FapiError
from fapikit.io.bounded_cache import BoundedCache
from fapikit.jose.key_set import KeySet
from rskit.decision import Allow
from rskit.issuers.issuer import TrustedIssuer

MAX_TOKENS: Final = 10_000
MAX_REFUSED: Final = 2_000


class AcceptedToken(NamedTuple):
    """A token that passed. `keys` verified it; None if its server was asked."""

    allow: Allow
    trusted: TrustedIssuer
    until: float
    keys: KeySet | None

    def speaks(self, now: float) -> bool:
        """Whether this may still be believed: alive, and its keys neither gone nor due for a refresh."""
        _, trusted, until, keys = self
        return now < until and (keys is None or keys is trusted.keys_at_hand(now))

    def __repr__(self) -> str:
        return f"AcceptedToken({self.allow!r})"


@dataclass(slots=True, eq=False)
class RefusedToken:
    """A token that its server, asked at `asked_at`, called inactive."""

    error: FapiError
    asked_at: float
    until: float


class TokenCache:
    """Accepted and refused apart, so that a flood of bad tokens cannot push out the good ones."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._accepted = BoundedCache[bytes, AcceptedToken](max_tokens)
        self._refused = BoundedCache[bytes, RefusedToken](MAX_REFUSED, lambda entry, now: now >= entry.until)
        self.accepted = self._accepted.get
        self.remember = self._accepted.put
        """A token whose signature holds: that says nothing against a refusal, which is therefore looked at first."""
        self.has_refused = False

    def refused(self, digest: bytes, now: float) -> FapiError | None:
        entry = self._refused.get(digest)
        return entry.error if entry is not None and now < entry.until else None

    def accept(self, digest: bytes, entry: AcceptedToken, asked_at: float, now: float) -> FapiError | None:
        """A token that its server, asked at `asked_at`, calls active; or what a later question was answered with.

        The refusal is looked at before and dropped after, and only that one: another's may come in between.
        """
        refused = self._refused.get(digest)
        if refused is not None and refused.asked_at > asked_at:
            return refused.error
        self._accepted.put(digest, entry, now)
        if refused is not None:
            self._refused.drop(digest, refused)
        return None

    def refuse(self, digest: bytes, entry: RefusedToken, now: float) -> None:
        self.has_refused = True
        self._refused.put(digest, entry, now)
        self._accepted.drop(digest)

    def forget(self, digest: bytes) -> None:
        self._accepted.drop(digest)
        self._refused.drop(digest)
