"""JSON read strictly: one object, each member once, no NaN, bounded depth.

Spec: RFC 7515 4, RFC 7519 4, RFC 8259 4
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn


class DuplicateName(ValueError):
    """One object names a member twice."""


class NotStrictJson(ValueError):
    """Not UTF-8, not JSON, not an object, or JSON with NaN, Infinity or absurd nesting."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateName("a JSON object names a member twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise NotStrictJson(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def parse_value(octets: bytes | str) -> Any:
    """Any JSON value. Raises DuplicateName or NotStrictJson."""
    try:
        text = octets.decode("utf-8", "strict") if isinstance(octets, bytes) else octets
        return _DECODER.decode(text)
    except (DuplicateName, NotStrictJson):
        raise
    except (ValueError, RecursionError) as error:
        raise NotStrictJson("not JSON") from error


def parse_object(octets: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises DuplicateName or NotStrictJson."""
    value = parse_value(octets)
    if not isinstance(value, dict):
        raise NotStrictJson("not a JSON object")
    return value


def dump(value: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
