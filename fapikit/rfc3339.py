"""Dates and times in text: when something ends that a document says the end of.

Spec: RFC 3339 5.6
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY: Final = 86_400.0
_TIME: Final = re.compile(
    _DATE.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def end_of(text: object) -> float | None:
    """Seconds since 1970 of a time with its zone; of a date, the end of that day in UTC. None: it is neither."""
    if not isinstance(text, str):
        return None
    try:
        if _DATE.fullmatch(text):
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC).timestamp() + _DAY
        return dt.datetime.fromisoformat(text).timestamp() if _TIME.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None
