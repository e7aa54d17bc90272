"""The result of the check: the request passes, is challenged, or cannot be decided now.

Spec: RFC 6750 3; RFC 9110 15.6.4
Role: RS
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from fapikit.errors import FapiError
from fapikit.http_message import Headers
from rskit.tokens.token import Token


@dataclass(frozen=True, slots=True, init=False)
class Allow:
    """The token is valid and possession is proven. The `Access` of the route decides whether it covers the route."""

    token: Token

    def __init__(self, token: Token) -> None:
        # Each request makes one. What `dataclass` writes for a frozen class takes twice as long.
        _set_token(self, token)


_set_token: Final = vars(Allow)["token"].__set__


@dataclass(frozen=True, slots=True)
class Refusal:
    """A finished answer. `error` gives the reason for logs and tests. Only `headers` and `body` are sent."""

    status: int
    headers: Headers
    body: bytes
    error: FapiError = field(repr=False)


class Challenge(Refusal):
    """The client must change something: 400, 401 or 403 with what it would need (RFC 6750 3); 429 when too fast."""

    __slots__ = ()


class CannotDecide(Refusal):
    """503 with Retry-After: our side has failed. The token is neither valid nor invalid."""

    __slots__ = ()


Decision: TypeAlias = Allow | Challenge | CannotDecide
