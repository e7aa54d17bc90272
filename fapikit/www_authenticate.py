"""A complete parser of WWW-Authenticate: several challenges in one field or more, token68, quoted strings with escapes.

Spec: RFC 9110 11.2, 11.3, 11.6.1; RFC 6750 3; RFC 9449 7.1; RFC 9728 5.1
Role: C
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from fapikit.errors import MalformedMessage

MAX_CHARACTERS: Final = 16 * 1024

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_END: Final = r"[ \t]*(?=,|\Z)"
_SEPARATOR: Final = re.compile(r"[ \t,]*")
_PARAMETER: Final = re.compile(rf"({_TOKEN})[ \t]*=[ \t]*({_TOKEN}|{_QUOTED}){_END}")
_SCHEME: Final = re.compile(rf"({_TOKEN})(?: +(?=[^ ,])|{_END})")
_TOKEN68: Final = re.compile(rf"([A-Za-z0-9\-._~+/]+=*){_END}")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge. `scheme` and the names of `parameters` are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    token68: str | None = None


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges of a response, in order, from the values of its WWW-Authenticate fields.

    Raises MalformedMessage for a repeated parameter in a challenge, text outside the grammar, or too many characters.
    """
    found: list[Challenge] = []
    room = MAX_CHARACTERS
    for value in values:
        room -= len(value)
        if room < 0:
            raise _malformed(f"has more than {MAX_CHARACTERS} characters")
        found += _parse_value(value)
    return tuple(found)


def _parse_value(value: str) -> list[Challenge]:
    challenges: list[Challenge] = []
    position = _skip(value, 0)
    while position < len(value):
        scheme = _SCHEME.match(value, position)
        if scheme is None:
            raise _malformed("has other text where a challenge must begin")
        position = scheme.end()
        parameters: dict[str, str] = {}
        token68 = None
        if not _ends(value, position):
            position, token68 = _first(value, position, parameters)
        position = _skip(value, position)
        while token68 is None and (more := _PARAMETER.match(value, position)):
            _keep(parameters, more)
            position = _skip(value, more.end())
        challenges.append(Challenge(scheme[1].lower(), MappingProxyType(parameters), token68))
    return challenges


def _first(value: str, position: int, parameters: dict[str, str]) -> tuple[int, str | None]:
    """The first item after a scheme and a space: a parameter, or the only token68."""
    parameter = _PARAMETER.match(value, position)
    if parameter is not None:
        _keep(parameters, parameter)
        return parameter.end(), None
    token68 = _TOKEN68.match(value, position)
    if token68 is None:
        raise _malformed("has text that is neither a parameter nor a token68")
    return token68.end(), token68[1]


def _keep(parameters: dict[str, str], match: re.Match[str]) -> None:
    name, text = match[1].lower(), match[2]
    if name in parameters:
        raise _malformed("has the same parameter twice in one challenge")
    parameters[name] = _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text


def _ends(value: str, position: int) -> bool:
    return position == len(value) or value[position] == ","


def _skip(value: str, position: int) -> int:
    match = _SEPARATOR.match(value, position)
    return match.end() if match else position


def _malformed(what: str) -> MalformedMessage:
    return MalformedMessage(f"WWW-Authenticate {what}", clause="RFC 9110 11.6.1")
