"""How much of a request's body is kept in memory before the application runs, where its octets decide something.

A signature or a digest covers the whole body. So the middlewares read it before the application does, within this
budget, and then give it to the application as if nobody had read it: `asgi_mw/whole_body.py`, `wsgi_mw/whole_body.py`.
They are for every check that needs the octets of a body, and run only after the token was accepted: a stranger's body
is never kept. A security event has no token: its budget is small (`rskit/signals/push_request.py`).

Spec: RFC 9110 15.5.9, 15.5.14
Role: RS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fapikit.errors import ConfigurationError
from rskit.errors import BodyCutShort, BodyTooLarge, BodyTooSlow

_MOST_OCTETS: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyBudget:
    """`octets`: the largest body. `seconds`: the longest time in which an ASGI server may receive it.

    A WSGI server has its own limit of time, because a read there cannot be interrupted.
    """

    octets: int = 1024 * 1024
    seconds: float = 30.0

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not (type(self.octets) is int and 0 < self.octets <= _MOST_OCTETS and 0 < self.seconds <= 600):
            raise ConfigurationError(
                f"BodyBudget(octets={self.octets!r}, seconds={self.seconds!r}): octets= must be 1 to {_MOST_OCTETS}, "
                "seconds= at most 600"
            )

    def require(self, octets: int) -> None:
        """Raises BodyTooLarge for a body of this size, announced or read."""
        if octets > self.octets:
            raise BodyTooLarge(
                f"the body is longer than the {self.octets} octets that are checked here: send less, or let the API "
                "raise BodyBudget(octets=)",
                facts={"limit": self.octets},
            )

    def too_slow(self) -> BodyTooSlow:
        return BodyTooSlow(f"the body did not come within {self.seconds:g} seconds")


def cut_short() -> BodyCutShort:
    return BodyCutShort("the connection ended before the whole body had come")


def declared_length(value: str | None) -> int | None:
    """The number in a Content-Length field; None without one. Raises BodyCutShort for anything else."""
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise BodyCutShort("Content-Length is not one number")
    return int(value)
