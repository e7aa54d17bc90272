"""A denylist in this process: revocations it was told of, asked on every request, cached decisions included.

Feed it from wherever revocations come (an admin's call, a CAEP or SSF event, a queue); each process needs telling. An
issuer with introspection needs none: there a revocation is seen within `IntrospectionLimits.positive` seconds.

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
"""Whether a token has been revoked, as far as this process was told; quick, without I/O, asked on every request."""


class Denylist:
    """A `RevocationHook`. An entry goes when no token that it names can pass any more, and never before."""

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
        """One token by its `jti`, or all of a subject, or all of a client, whichever claim names it.

        `until`: seconds since 1970, when the last token in question has expired (`exp`). The entry lives a minute
        longer: for so long may clocks differ, and a token pass that has expired.
        Raises NothingRevoked where no token that is alive is revoked by this: `until` has passed, or no resource server
        that asks this denylist trusts the issuer. Raises ConfigurationError unless it names one thing.
        """
        named = [
            (k, v) for k, v in (("jti", jti), ("sub", subject), ("client_id", client_id)) if v is not None
        ]
        if len(named) != 1:
            raise ConfigurationError("a revocation names one of jti, subject and client_id")
        kind, value = named[0]
        _require_usable(issuer, value, until)
        now, ends = self._clock(), until + MAX_FUTURE
        self._require_trusted(issuer)
        if ends > now:
            self._ends.put((issuer, kind, value), ends, now)
            self._kinds.add(kind)
        if until <= now:
            raise NothingRevoked(
                "until has passed: every token that this revocation names has expired. Is it in seconds since 1970?",
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
        """A token may name its client twice, and not by one name."""
        named = (token.client_id, *map(token.claims.get, CLIENT_CLAIMS))
        return any(self._names(token.issuer, "client_id", name) for name in named if type(name) is str)

    def learn_issuers(self, issuers: Iterable[str] | None) -> None:
        """Called by each resource server that asks: the issuers it trusts; None where a function knows them."""
        if issuers is None:
            self._any_issuer = True
        else:
            self._issuers.update(issuers)

    def _require_trusted(self, issuer: str) -> None:
        if self._issuers and not self._any_issuer and issuer not in self._issuers:
            raise NothingRevoked(
                "no resource server here trusts this issuer: issuers are compared code point for code point",
                facts={"got": issuer, "trusted": " ".join(sorted(self._issuers))},
            )

    def __repr__(self) -> str:
        return f"Denylist({len(self._ends)} entries)"


def _require_usable(issuer: object, value: object, until: object) -> None:
    """What no token could ever equal would revoke nothing. Raises ConfigurationError."""
    if not all(isinstance(name, str) and name for name in (issuer, value)):
        raise ConfigurationError("issuer, jti, subject and client_id are strings with something in them")
    if isinstance(until, bool) or not isinstance(until, int | float) or isnan(until):
        raise ConfigurationError("until is a number: seconds since 1970, when the last token has expired")
