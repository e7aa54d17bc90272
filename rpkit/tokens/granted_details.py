"""Authorization details as they were granted, compared with those that were requested.

Spec: RFC 9396 6, 7
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from rpkit.errors import UnaskedDetails

Details: TypeAlias = Sequence[Mapping[str, Any]]


def covers(granted: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a granted detail has every requested member. The server may add members (RFC 9396 7)."""
    return all(name in granted and granted[name] == value for name, value in asked.items())


def are_exactly(granted: Details, asked: Details) -> bool:
    """Whether each requested detail was granted, and nothing else."""
    return (
        len(granted) == len(asked)
        and all(any(covers(detail, wanted) for detail in granted) for wanted in asked)
        and all(any(covers(detail, wanted) for wanted in asked) for detail in granted)
    )


def require_asked_details(granted: Details | None, asked: Details) -> None:
    """Check the answer to a request for a part of what was granted. Raises UnaskedDetails."""
    if granted is None:
        raise UnaskedDetails(
            "the token response does not say which authorization_details the token carries, and a part was requested;"
            " it is discarded"
        )
    if not are_exactly(granted, asked):
        raise UnaskedDetails(
            "the token carries other authorization_details than were requested; it is discarded",
            facts={"asked": len(asked), "granted": len(granted)},
        )
