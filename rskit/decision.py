"""What the check ends in: the request passes, is challenged, or nothing can be decided now.

Spec: RFC 6750 3; RFC 9110 15.6.4
Role: RS
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from fapikit.errors import FapiError
from fapikit.http_message import Headers
from rskit.tokens.token import Token


class Allow(NamedTuple):
    """The token holds and possession is proven. Whether it covers the route is the route's own `Access`."""

    token: Token


@dataclass(frozen=True, slots=True)
class Refusal:
    """A finished answer. `error` says why, for logs and tests; only what `headers` and `body` hold is sent."""

    status: int
    headers: Headers
    body: bytes
    error: FapiError = field(repr=False)


class Challenge(Refusal):
    """The client's turn: 400, 401 or 403, with what it would need (RFC 6750 3); 429 when it asks too fast."""

    __slots__ = ()


class CannotDecide(Refusal):
    """503 with Retry-After: our side is broken, and the token is neither good nor bad."""

    __slots__ = ()


Decision: TypeAlias = Allow | Challenge | CannotDecide
