"""A denylist in this process: the revocations it has received. Every request asks it, also one with a cached token.

Feed it from your source of revocations (an admin's call, a CAEP or SSF event, a queue). Each process must be fed. For
an issuer with introspection you need none: a revocation takes effect within `IntrospectionLimits.positive` seconds.

Spec: FAPI2-SP 5.3.4-3; FAPI1-BL 6.2.1-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isnan
from typing import TypeAlias

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError
from fapikit.io.kept_until import KeptUntil
from fapikit.jose.claims import MAX_FUTURE
from rskit.errors import NothingRevoked
from rskit.tokens.token import CLIENT_CLAIMS, Token

RevocationHook: TypeAlias = Callable[[Token], bool]
"""Whether this process knows that a token is revoked. Called on every request: it must be quick and do no I/O."""


class Denylist:
    """A `RevocationHook`. An entry is removed when no token that it names can pass any more, and never earlier."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._ends = KeptUntil[tuple[str, str, str | None], float](float)
        self._kinds: set[str] = set()
        self._issuers: set[str] = set()
        self._any_issuer = False

    def revoke(
        self,
        issuer: str,
        *,
        jti: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
        until: float,
    ) -> None:
        """Revoke one token by its `jti`, all tokens of a subject, or all tokens of a client (named by any claim).

        `until`: seconds since 1970, when the last of these tokens has expired (`exp`). The entry is kept one minute
        longer, because clocks may differ by that much and an expired token may pass for so long.
        Raises NothingRevoked if this refuses no valid token: `until` has passed, or no resource server that uses this
        denylist trusts the issuer. Raises ConfigurationError unless exactly one of the three is given.
        """
        named = [
            (k, v) for k, v in (("jti", jti), ("sub", subject), ("client_id", client_id)) if v is not None
        ]
        if len(named) != 1:
            raise ConfigurationError("give exactly one of jti, subject and client_id to revoke")
        kind, value = named[0]
        _require_usable(issuer, value, until)
        now, ends = self._clock(), until + MAX_FUTURE
        self._require_trusted(issuer)
        if ends > now:
            self._ends.put((issuer, kind, value), ends, now)
            self._kinds.add(kind)
        if until <= now:
            raise NothingRevoked(
                "until= has passed: every token of this revocation has expired. Is it in seconds since 1970?",
                facts={"seconds_ago": f"{now - until:.0f}"},
            )

    def __call__(self, token: Token) -> bool:
        kinds = self._kinds
        if not kinds:
            return False
        return (
            ("jti" in kinds and self._names(token.issuer, "jti", token.jti))
            or ("sub" in kinds and self._names(token.issuer, "sub", token.subject))
            or ("client_id" in kinds and self._names_client(token))
        )

    def _names(self, issuer: str, kind: str, value: str | None) -> bool:
        ends = self._ends.get((issuer, kind, value))
        return ends is not None and ends > self._clock()

    def _names_client(self, token: Token) -> bool:
        """A token may name its client in two claims, with two different names."""
        named = (token.client_id, *map(token.claims.get, CLIENT_CLAIMS))
        return any(self._names(token.issuer, "client_id", name) for name in named if type(name) is str)

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
        return f"Denylist({len(self._ends)} entries)"


def _require_usable(issuer: object, value: object, until: object) -> None:
    """Refuse values that no token could equal, because they revoke nothing. Raises ConfigurationError."""
    if not all(isinstance(name, str) and name for name in (issuer, value)):
        raise ConfigurationError("issuer, jti, subject and client_id must be strings that are not empty")
    if isinstance(until, bool) or not isinstance(until, int | float) or isnan(until):
        raise ConfigurationError(
            "until must be a number: seconds since 1970, when the last token has expired"
        )
