"""Strict JSON: each member once, UTF-8 without lone surrogates, finite numbers, limited depth.

Spec: RFC 7515 4; RFC 7519 4; RFC 8259 4, 6, 8.1; RFC 7493 2
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, Final, NoReturn, cast

MAX_DEPTH: Final = 32
_MAX_DIGITS: Final = 40


class DuplicateName(ValueError):
    """A JSON object has the same member twice."""


class NotStrictJson(ValueError):
    """Not UTF-8, not JSON, not an object, or JSON with a number, a character or a depth that is not accepted."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateName("a JSON object has the same member twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise NotStrictJson(f"{name} is not a JSON value")


@lru_cache(maxsize=512)  # most integers are times, and many tokens have the same ones
def _integer(digits: str) -> int:
    # A longer integer would make float() overflow later, in other code.
    if len(digits) > _MAX_DIGITS:
        raise NotStrictJson(f"a number has more than {_MAX_DIGITS} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise NotStrictJson("a number is too large")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer, parse_float=_fraction
)
_scan: Final[Callable[[str, int], tuple[Any, int]]] = cast(Any, _DECODER).scan_once
_FLAT_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer, parse_float=_fraction)
_scan_flat: Final[Callable[[str, int], tuple[dict[str, Any], int]]] = cast(Any, _FLAT_DECODER).scan_once


def parse_value(octets: bytes | str) -> Any:
    """Any JSON value. Raises DuplicateName or NotStrictJson."""
    try:
        text = octets.decode("utf-8", "strict") if isinstance(octets, bytes) else octets
        try:
            value, end = _scan(text, 0)
        except StopIteration:
            end = -1
        if end != len(text):  # the scan does not skip white space around the value; `decode` does
            value = _DECODER.decode(text)
        if text.count("[") + text.count("{") > MAX_DEPTH:
            _require_shallow(value)
        if "\\u" in text:  # only an escape can produce a lone surrogate
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (DuplicateName, NotStrictJson):
        raise
    except (ValueError, RecursionError):
        pass
    # Raised here, without a cause: those errors contain the whole text, which may be a token response.
    raise NotStrictJson("not JSON")


def parse_object(
    octets: bytes | str, nested: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """A JSON object. `nested` is applied to one that may have objects or arrays inside.

    Raises DuplicateName or NotStrictJson. Most texts are a flat object without escapes. They are found by a quick test,
    and read by a faster scan. Any other text is read by `parse_value`, which raises the exact error.
    """
    text = octets
    try:
        if isinstance(text, bytes):
            text = text.decode()
        if text.rfind("{") == 0 and "[" not in text and "\\" not in text:
            members, end = _scan_flat(text, 0)
            strings = len(members) + list(map(type, members.values())).count(str)
            # If a second member with the same name replaced the first, the text has more quotes than this count.
            if end == len(text) and text.count('"') == 2 * strings:
                return members
    except (ValueError, StopIteration):
        pass
    value = parse_value(text)
    if type(value) is not dict:
        raise NotStrictJson("not a JSON object")
    return value if nested is None else nested(value)


def parse_repeating(octets: bytes | str, names: Collection[str]) -> dict[str, Any]:
    """A JSON object in which members with these names may occur twice with one value. Raises like `parse_object`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        first: dict[str, Any] = {}
        for name, value in pairs:
            if name in names and name in first and first[name] == value:
                continue
            if name in first:
                raise DuplicateName("a JSON object has the same member twice")
            first[name] = value
        return first

    try:
        decoded = json.loads(octets, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, DuplicateName):
            raise
        raise NotStrictJson("not JSON") from None
    return parse_object(dump_value(decoded))  # for the other strict rules


def dump(value: Mapping[str, Any]) -> bytes:
    """An object as compact UTF-8 JSON."""
    return dump_value(value)


def dump_value(value: Any) -> bytes:
    """Any JSON value as compact UTF-8 JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _require_shallow(value: Any) -> None:
    layer = [value]
    for _ in range(MAX_DEPTH + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return
    raise NotStrictJson(f"the nesting is deeper than {MAX_DEPTH}")
