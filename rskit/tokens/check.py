"""From an access token to what it grants, by cache, local verification or introspection, and how long that is valid.

Spec: FAPI2-SP 5.3.4-3; RFC 9068 4; RFC 7662 4 (RS-3 to RS-8)
Role: RS
"""

from __future__ import annotations

import copy

from fapikit.clock import Clock
from fapikit.errors import ClaimError, FapiError
from fapikit.flow import Flow
from fapikit.jose.encryption import Decryption, is_encrypted
from fapikit.secrets import Concealed, Secret
from rskit.errors import InactiveToken, InvalidToken, RevokedToken, UnknownConfirmation, UnknownIssuer
from rskit.issuers.book import IssuerBook
from rskit.issuers.issuer import Introspection
from rskit.issuers.trusted_issuer import TrustedIssuer
from rskit.possession.credentials import Credentials
from rskit.read_only import read_only_members
from rskit.revocation import RevocationHook
from rskit.tokens.cache import AcceptedToken, ListedToken, RefusedToken, TokenCache, UnboundJwt
from rskit.tokens.claims import build_token, read_confirmation
from rskit.tokens.introspected import INACTIVE, Inquiry, ask_issuer, check_members
from rskit.tokens.jwt import (
    Jwt,
    JwtRules,
    is_jwt,
    open_token,
    read_jwt,
    require_encrypted,
    verify_at_hand,
    verify_flow,
)
from rskit.tokens.token import Token, TokenKind


class TokenCheck:
    """Checks everything about a token except possession."""

    def __init__(
        self,
        issuers: IssuerBook,
        *,
        rules: JwtRules,
        inquiry: Inquiry,
        cache: TokenCache,
        clock: Clock,
        denylist: RevocationHook | None,
        decryption: Decryption | None = None,
    ) -> None:
        self._issuers = issuers
        self._rules = rules
        self._inquiry = inquiry
        self._cache = cache
        self._cached, self._remember = cache.accepted, cache.remember
        self._refused, self._revoked = cache.refused, cache.revoked
        self._clock = clock
        self._denylist = denylist
        self._decryption = decryption

    def recognise(self, digest: bytes, now: float) -> Token | None:
        """The bearer token with this digest, if it was seen before and no check could refuse it. None says nothing.

        Raises what the denylist raises, or the function that names issuers.
        """
        entry = self._cached(digest)
        # As `speaks` does, but without the call: most requests of an API come here.
        if (
            type(entry) is not UnboundJwt
            or now >= entry.until
            or entry.keys is not entry.trusted.keys_at_hand(now)
        ):
            return None
        if self._issuers.by_callback and not self._issuers.still_trusts(entry.trusted):
            return None
        token = entry.token
        return None if self._denylist is not None and self._denylist(token) else token

    def at_hand(self, credentials: Credentials, now: float) -> AcceptedToken | None:
        """The token without any I/O, or None if something must be fetched or asked. Raises the refusal."""
        _, token, digest = credentials
        refusals = self._cache.has_refused
        if refusals:
            _require_not_refused(self._refused(digest), now)
        entry = self._cached(digest)
        if (
            entry is None
            or not entry.speaks(now)
            or (self._issuers.by_callback and not self._issuers.still_trusts(entry.trusted))
        ):
            entry = verify_at_hand(token, digest, self._issuers, self._rules, now)
            if entry is None or (type(entry) is ListedToken and not entry.entry.is_valid(now)):
                return None
            self._remember(digest, entry, now)
        if refusals and entry.signed is not None and not self._stands(entry, entry.signed, now):
            return None
        if self._denylist is not None:
            self._require_not_denied(entry)
        return entry

    def accept(self, credentials: Concealed[Credentials], *, fresh: bool = False) -> Flow[AcceptedToken]:
        """The token; fetches or asks whatever is needed. `fresh` uses no cache. Raises the refusal."""
        token, digest = Secret(credentials.reveal().token), credentials.reveal().digest
        opened = open_token(token, self._decryption)
        if opened is not token or is_jwt(token.reveal()):
            jwt = Concealed(read_jwt(opened.reveal(), self._issuers))
            trusted = jwt.reveal().trusted
            if opened is token:
                require_encrypted(trusted)
            asking = trusted.config.introspection
            if asking is None or asking.local_jwts:
                entry = yield from verify_flow(jwt, digest, self._rules, self._clock)
                if isinstance(entry, ListedToken):
                    yield from entry.entry.check(fresh=fresh)
                self._remember(digest, entry, self._clock())
                signed = entry.signed
                # Another request may have stored a refusal in the meantime. Then `_stands` raises it.
                if (
                    asking is not None
                    and signed is not None
                    and (fresh or not self._stands(entry, signed, self._clock()))
                ):
                    entry = yield from self._ask(
                        token, digest, trusted, asking, fresh=fresh, jwt=jwt, signed=signed
                    )
            else:
                entry = yield from self._ask(token, digest, trusted, asking, fresh=fresh, jwt=jwt)
        else:
            opaque = self._issuers.opaque
            if opaque is None or opaque.config.introspection is None:
                raise UnknownIssuer(
                    "the token is encrypted, and this server has no key for it: set ResourceServer(decryption=...)"
                    if is_encrypted(token.reveal())
                    else "the token is not a JWT, and no issuer here has Introspection(opaque=True)"
                )
            entry = yield from self._ask(token, digest, opaque, opaque.config.introspection, fresh=fresh)
        if self._denylist is not None:
            self._require_not_denied(entry)
        return entry

    def believed(self, digest: bytes, kind: TokenKind) -> AcceptedToken | None:
        """What is cached about a token, from introspection or from its signature."""
        entry = self._cached(digest)
        return entry if entry is not None and entry.token.kind == kind else None

    def still_believes(self, entry: AcceptedToken, now: float) -> bool:
        """Whether what is known about a token can be used without a new check."""
        if not entry.speaks(now):
            return False
        if self._issuers.by_callback and not self._issuers.still_trusts(entry.trusted):
            return False
        try:
            return entry.signed is None or self._stands(entry, entry.signed, now)
        except FapiError:
            return False

    def look_again(self, credentials: Concealed[Credentials], token: Token) -> Flow[AcceptedToken]:
        """Check a stream's token again. A token that was introspected is introspected again. Raises the refusal."""
        entry = self.at_hand(credentials.reveal(), self._clock())
        if entry is None:
            return (yield from self.accept(credentials))
        if token.kind == "introspected" and entry.token.kind == "jwt":
            return (yield from self.accept(credentials, fresh=True))
        return entry

    def _stands(self, entry: AcceptedToken, signed: bytes, now: float) -> bool:
        """Whether its server has not refused it; False if the server must be asked. Raises a known refusal."""
        _require_not_refused(self._revoked(signed), now)
        return entry.keys is None or now >= self._cache.unsure_until

    def _ask(
        self,
        token: Secret,
        digest: bytes,
        trusted: TrustedIssuer,
        asking: Introspection,
        *,
        fresh: bool,
        jwt: Concealed[Jwt] | None = None,
        signed: bytes | None = None,
    ) -> Flow[AcceptedToken]:
        """The server's answer. `signed` as in AcceptedToken, for a JWT with a valid signature."""
        known = signed is not None or self._cached(digest) is not None
        members, asked_at = yield from ask_issuer(
            token, digest, trusted, self._inquiry, fresh=fresh, known=known
        )
        try:
            check_members(members, trusted, asking, self._rules, self._clock())
            granted = read_only_members(members)
            del granted["active"]
            found = build_token(granted, trusted.config, "introspected", digest)
            if jwt is not None:
                _require_same_binding(jwt.reveal(), found)
        except (InvalidToken, ClaimError) as error:
            self._refuse(digest, error, asked_at, asking, jwt=jwt, signed=signed)
            raise
        until = asked_at + asking.limits.positive
        if found.expires_at is not None:
            until = min(until, found.expires_at)
        if trusted.config.max_token_age is not None:
            until = min(
                until, found.claims["iat"] + trusted.config.max_token_age + trusted.profile.clock_skew
            )
        lists = trusted.status_lists
        listed = None if lists is None or jwt is None else lists.entry_of(jwt.reveal().claims)
        entry = (
            AcceptedToken(found, trusted, until, None, signed)
            if listed is None
            else ListedToken(found, trusted, until, None, signed, listed)
        )
        newer = self._cache.accept(digest, entry, asked_at, self._clock())
        if newer is not None:
            raise copy.copy(newer)  # a later introspection found the token inactive
        trusted.proven = True
        return entry

    def _refuse(
        self,
        digest: bytes,
        error: InvalidToken | ClaimError,
        asked_at: float,
        asking: Introspection,
        *,
        jwt: Concealed[Jwt] | None,
        signed: bytes | None,
    ) -> None:
        """Keep a refusal: until the token ends if it is valid here, else only to save introspections."""
        now = self._clock()
        told = INACTIVE if isinstance(error, InactiveToken) else copy.copy(error)
        entry = RefusedToken(told, asked_at, asked_at + asking.limits.negative)
        if jwt is not None and signed is not None:
            ends = jwt.reveal().claims["exp"] + jwt.reveal().trusted.profile.clock_skew
            lasting = RefusedToken(told, asked_at, ends) if told is INACTIVE else entry
            if self._cache.revoke(digest, signed, lasting, now):
                return
        self._cache.refuse(digest, entry, now)

    def _require_not_denied(self, entry: AcceptedToken) -> None:
        token = entry.token
        if self.denied(token):
            raise RevokedToken("this token has been revoked", facts={"token": token.name})

    def denied(self, token: Token) -> bool:
        return self._denylist is not None and self._denylist(token)

    def forget(self, digest: bytes) -> None:
        self._cache.forget(digest)


def _require_not_refused(refused: RefusedToken | None, now: float) -> None:
    if refused is not None and now < refused.until:
        raise copy.copy(refused.error)  # a raised error has a traceback: each request raises its own


def _require_same_binding(jwt: Jwt, found: Token) -> None:
    """A server's answer that omits the binding of its own JWT does not remove the binding.

    Raises UnknownConfirmation.
    """
    if "cnf" in jwt.claims and read_confirmation(jwt.claims) != found.confirmation:
        raise UnknownConfirmation("the introspection answer lacks the cnf of the JWT", clause="RFC 9449 6")
