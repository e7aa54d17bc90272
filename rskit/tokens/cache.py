"""Tokens seen before, by their SHA-256, so that no token is kept; one cache per resource server, so none is shared.

An entry says how long it may speak: never past the token's end, and no longer than the keys that verified it are at
hand. What it cannot know, possession, is proven again on every request.

What costs only another question may be forgotten: tokens that passed, and refusals of tokens that nobody has verified.
What nobody would ask again may not: a JWT that holds here, and that its server refused when it was asked (`revoked`).
Only JWTs whose signature has held get in there, so no stranger fills it or pushes anything out, and each stays until it
has ended. Where there is no room left nothing is forgotten either: until what found none has ended, JWTs whose server
can be asked are asked about instead of believed.

Spec: RFC 9068 4; RFC 7662 4 (RS-8)
Role: RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from fapikit.errors import FapiError
from fapikit.io.bounded_cache import BoundedCache
from fapikit.io.kept_until import KeptUntil
from fapikit.jose.key_set import KeySet
from rskit.decision import Allow
from rskit.issuers.issuer import TrustedIssuer

MAX_TOKENS: Final = 10_000
MAX_REFUSED: Final = 2_000
MAX_REVOKED: Final = 50_000


class AcceptedToken(NamedTuple):
    """A token that passed. `keys` verified it; None if its server was asked.

    `signed`: the SHA-256 of what its signature covers, of a JWT that is verified here and whose server can be asked. By
    it a revoked JWT is known, not by the whole: of an ECDSA signature (r, s) there is another form, (r, n - s).
    """

    allow: Allow
    trusted: TrustedIssuer
    until: float
    keys: KeySet | None
    signed: bytes | None = None

    def speaks(self, now: float) -> bool:
        """Whether this may still be believed: alive, and its keys neither gone nor due for a refresh."""
        _, trusted, until, keys, _ = self
        return now < until and (keys is None or keys is trusted.keys_at_hand(now))

    def __repr__(self) -> str:
        return f"AcceptedToken({self.allow!r})"


@dataclass(slots=True, eq=False)
class RefusedToken:
    """A token that its server, asked at `asked_at`, refused; `until` that is remembered."""

    error: FapiError
    asked_at: float
    until: float


class TokenCache:
    """Accepted and refused apart, so that a flood of bad tokens cannot push out the good ones."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._accepted = BoundedCache[bytes, AcceptedToken](max_tokens)
        self._refused = BoundedCache[bytes, RefusedToken](MAX_REFUSED, lambda entry, now: now >= entry.until)
        self._revoked = KeptUntil[bytes, RefusedToken](lambda entry: entry.until, MAX_REVOKED)
        self.accepted = self._accepted.get
        self.remember = self._accepted.put
        """A token whose signature holds: that says nothing against a refusal, which is therefore looked for as well."""
        self.refused = self._refused.get
        """By digest: what its server said against a token that nobody has verified."""
        self.revoked = self._revoked.get
        """By `AcceptedToken.signed`: what its server said against a JWT that holds here."""
        self.has_refused = False
        """Whether there was any of either yet: until then nobody need look."""
        self.unsure_until = float("-inf")
        """Until then a JWT verified here may have been refused before, without there being room to keep that."""

    def accept(self, digest: bytes, entry: AcceptedToken, asked_at: float, now: float) -> FapiError | None:
        """A token that its server, asked at `asked_at`, calls active; or what a later question was answered with.

        The refusal is looked at before and dropped after, and only that one: another's may come in between.
        """
        signed = entry.signed
        refused = self.refused(digest) if signed is None else self.revoked(signed)
        if refused is not None and refused.asked_at > asked_at:
            return refused.error
        self._accepted.put(digest, entry, now)
        if refused is not None and signed is None:
            self._refused.drop(digest, refused)
        elif refused is not None and signed is not None:
            self._revoked.drop(signed, refused)
        return None

    def refuse(self, digest: bytes, entry: RefusedToken, now: float) -> None:
        """A token that nobody has verified."""
        self.has_refused = True
        self._refused.put(digest, entry, now)
        self._accepted.drop(digest)

    def revoke(self, digest: bytes, signed: bytes, entry: RefusedToken, now: float) -> bool:
        """A JWT that holds here; whether there was room to keep it."""
        self.has_refused = True
        kept = self._revoked.put(signed, entry, now)
        if not kept:
            self.unsure_until = max(self.unsure_until, entry.until)
        self._accepted.drop(digest)
        return kept

    def forget(self, digest: bytes) -> None:
        self._accepted.drop(digest)
        self._refused.drop(digest)
