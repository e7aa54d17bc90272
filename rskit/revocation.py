"""A denylist in this process: the revocations it has received. Every request asks it, also one with a cached token.

Feed it from your source of revocations (an admin's call, a queue). Each process must be fed. `rskit.signals` feeds it
from Shared Signals, in every process. For an issuer with introspection you need none: a revocation takes effect within
`IntrospectionLimits.positive` seconds.

Spec: FAPI2-SP 5.3.4-3; FAPI1-BL 6.2.1-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf, isnan
from typing import NamedTuple, TypeAlias

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError
from fapikit.io.kept_until import KeptUntil
from fapikit.jose.claims import MAX_FUTURE
from rskit.errors import NothingRevoked
from rskit.tokens.token import CLIENT_CLAIMS, Token

RevocationHook: TypeAlias = Callable[[Token], bool]
"""Whether this process knows that a token is revoked. Called on every request: it must be quick and do no I/O."""


_Key: TypeAlias = tuple[str, str, str | tuple[str, str] | None]
"""The issuer, what kind of name it is, and the name."""


class _Entry(NamedTuple):
    """Until when what it names is refused, and until when it was issued if it is refused."""

    ends: float
    issued_until: float

    def covers(self, other: _Entry) -> bool:
        return self.ends >= other.ends and self.issued_until >= other.issued_until


class Denylist:
    """A `RevocationHook`. An entry is removed when no token that it names can pass any more, and never earlier."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._entries = KeptUntil[_Key, _Entry](lambda entry: entry.ends)
        self._kinds: set[str] = set()
        self._timed: set[str] = set()
        self._issuers: set[str] = set()
        self._any_issuer = False

    def revoke(
        self,
        issuer: str,
        *,
        jti: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
        session_id: str | None = None,
        issued_until: float | None = None,
        until: float,
    ) -> None:
        """Revoke one token by its `jti`, or all tokens of a subject, of a client (named by any claim), of a subject at
        one client (both together), or of a session (`sid`).

        `issued_until`: seconds since 1970. Only tokens whose `iat` is not later are refused, and those without one; so
        a user who signs in again gets tokens that pass. None: also later ones. `until`: when the last of these tokens
        has expired (`exp`). The entry is kept one minute longer, because clocks may differ by that much and an expired
        token may pass for so long.
        Raises NothingRevoked if this refuses no valid token: `until` has passed, or no resource server that uses this
        denylist trusts the issuer. Raises ConfigurationError unless one token, subject, client or session is named.
        """
        given = {"jti": jti, "sub": subject, "client_id": client_id, "sid": session_id}
        named = {kind: value for kind, value in given.items() if value is not None}
        if len(named) != 1 and named.keys() != {"sub", "client_id"}:
            raise ConfigurationError(
                "give exactly one of jti, subject, client_id and session_id to revoke, or subject and client_id"
            )
        for value in named.values():
            _require_usable(issuer, value, until)
        if issued_until is not None:
            _require_usable(issuer, "issued_until", issued_until, setting="issued_until")
        now, ends = self._clock(), until + MAX_FUTURE
        self._require_trusted(issuer)
        if ends > now:
            kind, values = " ".join(named), tuple(named.values())
            name = values[0] if len(values) == 1 else (values[0], values[1])
            # Under two keys, because merged they would refuse what neither of them does.
            key = (issuer, kind if issued_until is None else f"{kind} issued", name)
            self._put(key, _Entry(ends, inf if issued_until is None else issued_until), now)
            if issued_until is not None:
                self._timed.add(kind)
            self._kinds.add(kind)
        if until <= now:
            raise NothingRevoked(
                "until= has passed: every token of this revocation has expired. Is it in seconds since 1970?",
                facts={"seconds_ago": f"{now - until:.0f}"},
            )

    def _put(self, key: _Key, new: _Entry, now: float) -> None:
        """Write what refuses all that the old and the new entry refuse."""
        held = self._entries.get(key)
        while held is None or not held.covers(new):  # another thread may come in between
            merged = (
                new
                if held is None
                else _Entry(max(held.ends, new.ends), max(held.issued_until, new.issued_until))
            )
            self._entries.put(key, merged, now)
            held = self._entries.get(key)

    def __call__(self, token: Token) -> bool:
        kinds = self._kinds
        if not kinds:
            return False
        return (
            ("jti" in kinds and self._names(token, "jti", token.jti))
            or ("sub" in kinds and self._names(token, "sub", token.subject))
            or ("client_id" in kinds and self._names_client(token))
            or ("sid" in kinds and self._names(token, "sid", token.session_id))
            or ("sub client_id" in kinds and self._names_client(token, token.subject))
        )

    def _names(self, token: Token, kind: str, value: str | tuple[str, str] | None) -> bool:
        always = self._entries.get((token.issuer, kind, value))
        if always is not None and always.ends > self._clock():
            return True
        if kind not in self._timed:
            return False
        timed = self._entries.get((token.issuer, f"{kind} issued", value))
        if timed is None or timed.ends <= self._clock():
            return False
        issued_at = token.issued_at
        return issued_at is None or issued_at <= timed.issued_until

    def _names_client(self, token: Token, subject: str | None = None) -> bool:
        """A token may name its client in two claims, with two different names."""
        named = (token.client_id, *map(token.claims.get, CLIENT_CLAIMS))
        names = [name for name in named if type(name) is str]
        if subject is None:
            return any(self._names(token, "client_id", name) for name in names)
        return any(self._names(token, "sub client_id", (subject, name)) for name in names)

    def learn_issuers(self, issuers: Iterable[str] | None) -> None:
        """Each resource server that uses this denylist passes the issuers it trusts; None if a function decides."""
        if issuers is None:
            self._any_issuer = True
        else:
            self._issuers.update(issuers)

    def _require_trusted(self, issuer: str) -> None:
        if self._issuers and not self._any_issuer and issuer not in self._issuers:
            raise NothingRevoked(
                "no resource server here trusts this issuer: it must equal a configured one code point for code point",
                facts={"got": issuer, "trusted": " ".join(sorted(self._issuers))},
            )

    def __repr__(self) -> str:
        return f"Denylist({len(self._entries)} entries)"


def _require_usable(issuer: object, value: object, time: object, *, setting: str = "until") -> None:
    """Refuse values that no token could equal, because they revoke nothing. Raises ConfigurationError."""
    if not all(isinstance(name, str) and name for name in (issuer, value)):
        raise ConfigurationError(
            "issuer, jti, subject, client_id and session_id must be strings that are not empty"
        )
    if isinstance(time, bool) or not isinstance(time, int | float) or isnan(time):
        meaning = "when the last token has expired" if setting == "until" else "the last iat that is refused"
        raise ConfigurationError(f"{setting} must be a number: seconds since 1970, {meaning}")
