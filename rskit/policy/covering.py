"""Whether what a user granted allows what a request needs.

Spec: RFC 9396 9
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping


def covers(granted: object, needed: object) -> bool:
    """Whether a granted value allows a needed one: objects member by member, lists item by item, the rest equal.

    What is granted may say more than is needed. 1 is not true, and "1.0" is not "1".
    """
    if isinstance(needed, Mapping):
        return isinstance(granted, Mapping) and all(
            name in granted and covers(granted[name], value) for name, value in needed.items()
        )
    if isinstance(needed, list | tuple):
        return isinstance(granted, list | tuple) and all(
            any(covers(item, value) for item in granted) for value in needed
        )
    if isinstance(granted, bool) or isinstance(needed, bool):
        return granted is needed
    return type(granted) in (str, int, float, type(None)) and granted == needed
