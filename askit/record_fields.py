"""Reads stored records, and reports those that this version of the server did not write.

Another version may have written it, another program may use the same keys, or a bit may have changed. None of these
says anything about the request, so the request cannot be decided.

Spec: RFC 9700 4.2.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from fapikit import strict_json
from fapikit.errors import UnreadableRecord

T = TypeVar("T")


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Turns errors in its block that stored data causes into UnreadableRecord.

    `kind`: the record's kind, for the log.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise UnreadableRecord(
            "the stored record is not one that this version of the server writes",
            facts={"record": kind, "why": type(error).__name__},
        ) from None  # the error may quote stored data


def read_record(record: type[T], octets: bytes) -> T:
    """A dataclass from one JSON object. Raises ValueError if it is not one; else as `read_members` does."""
    return read_members(record, strict_json.parse_object(octets))


def read_members(record: type[T], members: Mapping[str, Any]) -> T:
    """A dataclass from its members. Lists become tuples if the field is a tuple. Unknown members are ignored.

    Raises TypeError for a member that is missing or has a wrong type.
    """
    values = {}
    for name, (hint, is_required) in _fields_of(cast(Any, record)).items():
        if name in members:
            values[name] = _value(members[name], hint, name)
        elif is_required:
            raise TypeError(f"{name} is missing")
    return record(**values)


@cache
def _fields_of(record: type[Any]) -> Mapping[str, tuple[Any, bool]]:
    """For each name: the type, and whether it is required."""
    hints = get_type_hints(record)
    return {
        entry.name: (hints[entry.name], entry.default is MISSING and entry.default_factory is MISSING)
        for entry in fields(record)
    }


def _value(value: Any, hint: Any, name: str) -> Any:
    if not _is_a(value, hint):
        raise TypeError(f"{name} has a wrong type")
    return tuple(value) if isinstance(value, list) else value


def _is_a(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_is_a(value, one) for one in get_args(hint))
    if origin is tuple:
        return isinstance(value, list) and all(_is_a(member, get_args(hint)[0]) for member in value)
    if hint is float:
        return type(value) in (int, float)
    if hint in (str, int, bool, NoneType):
        return type(value) is hint
    return isinstance(value, dict)
