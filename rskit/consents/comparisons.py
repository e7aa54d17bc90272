"""How two scalar values of a detail are compared: as decimal numbers, as dates, or as they are written.

Spec: RFC 9396 6.1, 12
Role: RS
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Final, TypeAlias

_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(_DATE.pattern + r"T[0-9:.]{8,15}(?:Z|[+-][0-9]{2}:[0-9]{2})")

Allows: TypeAlias = Callable[[object, object], bool]
"""Whether a granted value allows that of a request."""


def read_decimal(value: object) -> Decimal | None:
    """A decimal number from a string or a JSON number. None for anything else, such as a number with an exponent."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = value if isinstance(value, str) else repr(value)
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def read_date(value: object) -> str | None:
    """An RFC 3339 date, or a time with its zone as UTC, in one spelling. None for anything else."""
    if not isinstance(value, str):
        return None
    with suppress(ValueError, OverflowError):
        if _DATE.fullmatch(value):
            return dt.date.fromisoformat(value).isoformat()
        if _TIME.fullmatch(value):
            return dt.datetime.fromisoformat(value).astimezone(dt.UTC).isoformat()
    return None


def _same_decimal(granted: object, needed: object) -> bool:
    number = read_decimal(needed)
    return number is not None and number == read_decimal(granted)


def _at_most(granted: object, needed: object) -> bool:
    number, limit = read_decimal(needed), read_decimal(granted)
    return number is not None and limit is not None and 0 <= number <= limit


def _same_date(granted: object, needed: object) -> bool:
    date = read_date(needed)
    return date is not None and date == read_date(granted)


COMPARISONS: Final[Mapping[str, Allows]] = {
    "decimals": _same_decimal,
    "at_most": _at_most,
    "dates": _same_date,
}
"""By the setting of `DetailsType` that has the paths."""


def spelt(value: object, compared_as: str) -> object:
    """One spelling for all values that this comparison takes for the same. Others stay as they are."""
    if compared_as == "dates":
        return read_date(value) or value
    number = read_decimal(value)
    return value if number is None else f"{number.normalize():f}"
