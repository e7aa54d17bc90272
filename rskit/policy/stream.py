"""How long a stream may continue: until its token ends, and only while what is known about the token is fresh.

A token that was introspected is introspected again, as often as requests would do it. The stream ends when the token is
refused, when it grants less than at the start of the stream, and when the issuer does not answer.

Spec: FAPI2-SP 5.3.4-3; RFC 7662 4 (RS-8, RS-19)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fapikit.clock import Clock
from fapikit.errors import FapiError
from fapikit.flow import Flow
from fapikit.secrets import Concealed
from rskit.errors import InactiveToken
from rskit.possession.credentials import require_credentials
from rskit.request_view import RequestView
from rskit.tokens.check import TokenCheck
from rskit.tokens.token import Token

LONGEST_WAIT: Final = 60.0
"""Seconds after which, at the latest, a revocation in the denylist ends a stream without messages."""
SHORTEST_BELIEF: Final = 5.0
"""Seconds. A stream introspects no more often, even if no answer about a token is cached."""


class StreamWatch:
    """The watch of one stream.

    `token` is its latest state. The middleware asks before each message and after `wait`.
    """

    __slots__ = (
        "_clock",
        "_credentials",
        "_entry",
        "_looked_at",
        "_refuse",
        "_scheme",
        "_skew",
        "_tokens",
        "_view",
        "token",
    )

    def __init__(
        self,
        view: RequestView,
        token: Token,
        tokens: TokenCheck,
        *,
        clock: Clock,
        skew: float,
        refuse: Callable[[FapiError, RequestView, str], Any],
    ) -> None:
        credentials = require_credentials(view)
        self.token = token
        self._view = view
        self._tokens = tokens
        self._clock = clock
        self._skew = skew
        self._refuse = refuse
        self._credentials = Concealed(credentials)
        self._scheme = credentials.scheme
        self._entry = tokens.believed(credentials.digest, token.kind)
        self._looked_at = float("-inf")

    @property
    def over(self) -> bool:
        """Whether the token has ended or is revoked, by what this process knows already."""
        return self._clock() >= self._end or self._tokens.denied(self.token)

    @property
    def due(self) -> bool:
        """Whether the token must be checked again: its check is too old, its key is gone, or it was refused."""
        now = self._clock()
        if 0 <= now - self._looked_at < SHORTEST_BELIEF:
            return False
        return self._entry is None or not self._tokens.still_believes(self._entry, now)

    @property
    def wait(self) -> float:
        """Seconds until the stream must be checked even if no message comes."""
        until = float("-inf") if self._entry is None else self._entry.until
        left = min(max(until, self._looked_at + SHORTEST_BELIEF), self._end) - self._clock()
        return min(max(left, 0.0), LONGEST_WAIT)

    def goes_on(self) -> Flow[bool]:
        """Whether the stream continues. Checks the token again if that is due. A refusal that ends it is logged."""
        if self.over:
            return False
        if not self.due:
            return True
        try:
            entry = yield from self._tokens.look_again(self._credentials, self.token)
            _require_no_less(self.token, entry.token)
        except FapiError as error:
            self._refuse(error, self._view, self._scheme)
            return False
        self.token = entry.token
        self._entry, self._looked_at = entry, self._clock()
        return not self.over

    @property
    def _end(self) -> float:
        expires = self.token.expires_at
        return float("inf") if expires is None else expires + self._skew

    def __repr__(self) -> str:
        return f"StreamWatch({self.token!r})"


def _require_no_less(before: Token, now: Token) -> None:
    """The route decided by what was granted at the start. With less, it has to decide again."""
    if (
        before.confirmation != now.confirmation
        or before.authorization_details != now.authorization_details
        or not before.scopes <= now.scopes
    ):
        raise InactiveToken("the token grants less than when the stream began", facts={"token": now.name})
