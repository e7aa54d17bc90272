"""Tokens seen before, by their SHA-256, so that no token itself is kept. Each resource server has its own cache.

An entry is valid until the token ends, and only while the keys that verified it are in use. Possession cannot be
cached: it is proven again on every request.

Two kinds of entries may be forgotten, because they only save an introspection: tokens that passed, and refusals of
tokens whose signature nobody has verified. A third kind must be kept, because nobody would ask again: a JWT that is
valid here, but that its server refused on introspection (`revoked`). Only JWTs with a valid signature are kept there,
so nobody else can fill it or evict an entry. Each stays until its token has ended. If there is no room, nothing is
evicted. Until the refusal that found no room has ended, all JWTs of servers with introspection are introspected.

Spec: RFC 9068 4; RFC 7662 4 (RS-8)
Role: RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fapikit.errors import FapiError
from fapikit.io.bounded_cache import BoundedCache
from fapikit.io.kept_until import KeptUntil
from fapikit.jose.key_set import KeySet
from rskit.issuers.status_lists import ListEntry
from rskit.issuers.trusted_issuer import TrustedIssuer
from rskit.tokens.token import Token

MAX_TOKENS: Final = 10_000
MAX_REFUSED: Final = 2_000
MAX_REVOKED: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class AcceptedToken:
    """A token that passed. `keys` verified it; None: introspected.

    It holds its token and nothing more, because the garbage collector visits all that a full cache holds.

    `signed`: the SHA-256 of the part that the signature covers, of a JWT that is verified here and whose server offers
    introspection. It identifies a revoked JWT. The whole token does not: an ECDSA signature (r, s) has a second valid
    form (r, n - s).
    """

    token: Token
    trusted: TrustedIssuer
    until: float
    keys: KeySet | None
    signed: bytes | None

    def __init__(
        self,
        token: Token,
        trusted: TrustedIssuer,
        until: float,
        keys: KeySet | None,
        signed: bytes | None = None,
    ) -> None:
        # Each new token needs one. What `dataclass` writes for a frozen class takes three times as long.
        _set_token(self, token)
        _set_trusted(self, trusted)
        _set_until(self, until)
        _set_keys(self, keys)
        _set_signed(self, signed)

    def speaks(self, now: float) -> bool:
        """Whether it may still be used: the token has not ended, its keys are neither gone nor due for a refresh."""
        keys = self.keys
        return now < self.until and (keys is None or keys is self.trusted.keys_at_hand(now))

    def __repr__(self) -> str:
        return f"AcceptedToken({self.token!r})"


class UnboundJwt(AcceptedToken):
    """A JWT that whoever shows it may use until it ends: it needs no key, no certificate, no status list, no answer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class ListedToken(AcceptedToken):
    """A token with an entry in a status list: it may be used only while the list says that it is valid."""

    entry: ListEntry

    def __init__(
        self,
        token: Token,
        trusted: TrustedIssuer,
        until: float,
        keys: KeySet | None,
        signed: bytes | None,
        entry: ListEntry,
    ) -> None:
        AcceptedToken.__init__(self, token, trusted, until, keys, signed)
        _set_entry(self, entry)

    def speaks(self, now: float) -> bool:
        # Written in one piece, because it runs on every request.
        keys, entry = self.keys, self.entry
        in_list = entry.in_list
        return (
            now < self.until
            and (keys is None or keys is self.trusted.keys_at_hand(now))
            and (entry.seen is in_list.version or entry.is_valid(now))
            and in_list.asked_at <= now < in_list.calm_until
        )


_set_entry: Final = vars(ListedToken)["entry"].__set__
_set_token, _set_trusted, _set_until, _set_keys, _set_signed = (
    vars(AcceptedToken)[name].__set__ for name in ("token", "trusted", "until", "keys", "signed")
)


@dataclass(slots=True, eq=False)
class RefusedToken:
    """A token that its server refused at `asked_at`. It is remembered until `until`."""

    error: FapiError
    asked_at: float
    until: float


class TokenCache:
    """Accepted and refused tokens are kept apart, so that many bad tokens cannot evict good ones."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._accepted = BoundedCache[bytes, AcceptedToken](max_tokens)
        self._refused = BoundedCache[bytes, RefusedToken](MAX_REFUSED, lambda entry, now: now >= entry.until)
        self._revoked = KeptUntil[bytes, RefusedToken](lambda entry: entry.until, MAX_REVOKED)
        self.accepted = self._accepted.get
        self.remember = self._accepted.put
        """Tokens with a valid signature. A refusal may exist nevertheless, so it is looked up too."""
        self.refused = self._refused.get
        """By digest: the server's refusals of tokens that nobody has verified."""
        self.revoked = self._revoked.get
        """By `AcceptedToken.signed`: the server's refusals of JWTs that are valid here."""
        self.has_refused = False
        """Whether there was a refusal of either kind yet. Until then nobody needs to look one up."""
        self.unsure_until = float("-inf")
        """Until then, a JWT that is valid here may have a refusal that could not be kept."""

    def accept(self, digest: bytes, entry: AcceptedToken, asked_at: float, now: float) -> FapiError | None:
        """Store a token that its server, asked at `asked_at`, calls active. Returns a refusal that is newer.

        Only the refusal that was read before is removed after: another request may store a newer one in between.
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
        """Store the refusal of a token that nobody has verified."""
        self.has_refused = True
        self._refused.put(digest, entry, now)
        self._accepted.drop(digest)

    def revoke(self, digest: bytes, signed: bytes, entry: RefusedToken, now: float) -> bool:
        """Store the refusal of a JWT that is valid here. Returns whether there was room."""
        self.has_refused = True
        kept = self._revoked.put(signed, entry, now)
        if not kept:
            self.unsure_until = max(self.unsure_until, entry.until)
        self._accepted.drop(digest)
        return kept

    def forget(self, digest: bytes) -> None:
        self._accepted.drop(digest)
        self._refused.drop(digest)
