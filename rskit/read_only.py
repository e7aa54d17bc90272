"""Read-only JSON. Tokens are cached, and no request may change what another request sees.

Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


class ReadOnlyDict(dict[str, Any]):
    """A JSON object that cannot be changed."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this JSON object is read-only")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse


def read_only(value: Any) -> Any:
    """JSON whose objects and arrays cannot be changed. It still serialises as JSON."""
    if isinstance(value, dict):
        return ReadOnlyDict(read_only_members(value))
    if isinstance(value, list):
        return tuple(read_only(item) for item in value)
    return value


def read_only_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an object. Objects and arrays inside of them cannot be changed."""
    # Most values are strings and numbers: they are told apart here, because a call for each would cost more.
    return {
        name: value if type(value) is str or type(value) is int else read_only(value)
        for name, value in members.items()
    }
