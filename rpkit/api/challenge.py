"""What a resource says when it refuses: the challenges of its answer, and the error for the scheme that was used.

Spec: RFC 6750 3; RFC 9449 7.1b, 7.2b, 9; RFC 9470 3; RFC 9728 5.1
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fapikit.errors import MalformedMessage
from fapikit.www_authenticate import Challenge, parse_challenges


def read_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges, or none if the header is malformed: then there is nothing to act upon, and the answer stands."""
    try:
        return parse_challenges(values)
    except MalformedMessage:
        return ()


def error_of(challenges: Iterable[Challenge], scheme: str) -> str | None:
    """The error that is named for the scheme that was used."""
    for challenge in challenges:
        if challenge.scheme == scheme.lower() and "error" in challenge.parameters:
            return challenge.parameters["error"]
    return None


def demands_nonce(status: int, challenges: Sequence[Challenge], nonces: Sequence[str]) -> bool:
    """Whether a resource refused for want of a nonce, and gave one."""
    return status == 401 and len(nonces) == 1 and error_of(challenges, "dpop") == "use_dpop_nonce"
