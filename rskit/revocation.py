"""A denylist in this process: revocations it was told of, asked on every request, cached decisions included.

Feed it from wherever revocations come (an admin's call, a CAEP or SSF event, a queue); each process needs telling. An
issuer with introspection needs none: there a revocation is seen within `IntrospectionLimits.positive` seconds.

Spec: FAPI2-SP 5.3.4-3; FAPI1-BL 6.2.1-4
Role: RS
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError
from fapikit.forks import reset_after_fork
from rskit.tokens.token import Token

RevocationHook: TypeAlias = Callable[[Token], bool]
"""Whether a token has been revoked, as far as this process was told; quick, without I/O, asked on every request."""

_SWEEP_FROM: Final = 1024


class Denylist:
    """A `RevocationHook`. `until` is when the last token in question has expired anyway: then the entry goes."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str, str], float] = {}
        self._sweep_at = _SWEEP_FROM
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """The lock may have been held; the entries are as good as before."""
        self._lock = threading.Lock()

    def revoke(
        self,
        issuer: str,
        *,
        jti: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
        until: float,
    ) -> None:
        """One token by its `jti`, or all of a subject, or all of a client.

        Raises ConfigurationError unless it is one.
        """
        named = [
            (k, v) for k, v in (("jti", jti), ("sub", subject), ("client_id", client_id)) if v is not None
        ]
        if len(named) != 1:
            raise ConfigurationError("a revocation names one of jti, subject and client_id")
        kind, value = named[0]
        key = (issuer, kind, value)
        with self._lock:  # or a revocation that comes during another's sweep would be lost
            if len(self._until) >= self._sweep_at:
                self._sweep()
            self._until[key] = max(until, self._until.get(key, 0.0))

    def __call__(self, token: Token) -> bool:
        if not self._until:
            return False
        now, issuer = self._clock(), token.issuer
        named = (("jti", token.jti), ("sub", token.subject), ("client_id", token.client_id))
        return any(
            value is not None and self._until.get((issuer, kind, value), 0.0) > now for kind, value in named
        )

    def _sweep(self) -> None:
        now = self._clock()
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._until))

    def __repr__(self) -> str:
        return f"Denylist({len(self._until)} entries)"
