"""When a consent to single details ends: a type may have a member in which a request says so (`end_member`).

Such a detail is in no token and no answer after its end, and a token that holds it ends no later. A grant all of whose
details have an end is over with the last one. What has no end of its own lasts as long as its grant.

Spec: RFC 9396 5, 7.1
Role: AS
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from askit.config.settings import Config
from askit.errors import InvalidAuthorizationDetails
from fapikit import rfc3339

_Details = tuple[Mapping[str, Any], ...]


def require_ends(details: _Details, config: Config, *, now: float, latest: float) -> None:
    """Raise InvalidAuthorizationDetails for an end that is unreadable, over, or after `latest`."""
    for detail in details:
        member = _end_member(detail, config)
        if member is None or member not in detail:
            continue
        end = rfc3339.end_of(detail[member])
        if end is None:
            raise _invalid(detail, member, "must be a date, or a time with its zone (RFC 3339)")
        if end <= now:
            raise _invalid(detail, member, "is over: it must lie in the future")
        if end > latest:
            last = dt.datetime.fromtimestamp(latest, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise _invalid(detail, member, f"is too late: this grant lasts until {last} at most")


def last_end(details: _Details, config: Config, latest: float) -> float:
    """When the last of them ends, `latest` if one has no end of its own: so long a grant of them lasts."""
    ends = [end_of(detail, config) for detail in details]
    known = [end for end in ends if end is not None]
    return min(latest, max(known)) if known and len(known) == len(ends) else latest


def first_end(details: _Details, config: Config, latest: float) -> float:
    """When the first of them ends, `latest` if none ends before: so long a token with all of them lasts."""
    return min([latest, *(end for detail in details if (end := end_of(detail, config)) is not None)])


def not_ended(details: _Details, config: Config, now: float) -> _Details:
    """Those that have not ended yet."""
    return tuple(detail for detail in details if (end := end_of(detail, config)) is None or now < end)


def end_of(detail: Mapping[str, Any], config: Config) -> float | None:
    """In seconds since 1970; None: it has no end of its own. One that cannot be read is over."""
    member = _end_member(detail, config)
    if member is None or member not in detail:
        return None
    end = rfc3339.end_of(detail[member])
    return 0.0 if end is None else end


def _end_member(detail: Mapping[str, Any], config: Config) -> str | None:
    known = config.details_type(str(detail["type"]))
    return None if known is None else known.end_member


def _invalid(detail: Mapping[str, Any], member: str, what: str) -> InvalidAuthorizationDetails:
    return InvalidAuthorizationDetails(
        f"authorization_details of type {detail['type']}: {member} {what}",
        facts={"type": str(detail["type"]), "field": member[:60]},
    )
