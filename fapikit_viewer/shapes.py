"""Whether an event that was read has the members that the view needs: another version or program may have written it.

Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from fapikit_viewer.recording import MAX_OCTETS, ROLES, Event, Recording

_BIGGEST: Final = 1e11
_Holds: TypeAlias = Callable[[Any], bool]


def well_formed(event: Event) -> bool:
    members = _MEMBERS.get(event["kind"])
    return members is not None and _has(event, members)


def is_something_else(recording: Recording) -> bool:
    """Whether there is something in the place of the recording that is none. An empty file may become one.

    Raises OSError if it cannot be read.
    """
    path = recording.path
    if not path.exists():
        return False
    if not path.is_file():
        return True
    events, position = recording.read()
    while not any(map(well_formed, events)):
        before = position
        events, position = recording.read(before)
        if position == before or position > MAX_OCTETS:
            return path.stat().st_size > 0
    return False


def _has(value: Any, members: Mapping[str, _Holds]) -> bool:
    return isinstance(value, dict) and all(holds(value.get(name)) for name, holds in members.items())


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    """A number that JSON, and the page, can hold. The biggest time is in the year 5138."""
    return isinstance(value, int | float) and 0 <= value <= _BIGGEST


def _fields(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(_text, pair)) for pair in value
    )


def _optional(holds: _Holds) -> _Holds:
    return lambda value: value is None or holds(value)


def _all_have(members: Mapping[str, _Holds]) -> _Holds:
    return lambda value: isinstance(value, list) and all(_has(item, members) for item in value)


_REQUEST: Final[Mapping[str, _Holds]] = {"method": _text, "url": _text, "headers": _fields, "body": _text}
_RESPONSE: Final[Mapping[str, _Holds]] = {
    "status": lambda value: isinstance(value, int) and 0 <= value <= 999,
    "headers": _fields,
    "body": _text,
}
_CHECK: Final[Mapping[str, _Holds]] = {
    "said": _text,
    "clause": _text,
    "passed": lambda value: value in (True, False),
}
_ERROR: Final[Mapping[str, _Holds]] = {
    "class": _text,
    "code": _optional(_text),
    "clause": _text,
    "said": _text,
    "remedy": _text,
}
_MEMBERS: Final[Mapping[str, Mapping[str, _Holds]]] = {
    "party": {
        "name": _text,
        "role": lambda value: value in ROLES,
        "title": _text,
        "origins": lambda value: isinstance(value, list) and all(map(_text, value)),
    },
    "message": {
        "id": _text,
        "at": _number,
        "channel": lambda value: value in ("front", "back"),
        "from": _text,
        "to": _text,
        "ms": _optional(_number),
        "request": lambda value: _has(value, _REQUEST),
        "response": _optional(lambda value: _has(value, _RESPONSE)),
    },
    "checks": {
        "id": _text,
        "at": _number,
        "party": _text,
        "about": _optional(_text),
        "outcome": lambda value: value in ("passed", "refused", "undecided"),
        "checks": _all_have(_CHECK),
        "error": _optional(lambda value: _has(value, _ERROR)),
    },
    "keys": {"throwaway": lambda value: isinstance(value, bool)},
    "full": {"limit": _number},
}
