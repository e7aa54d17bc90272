"""Requires text where a setting is text: a function that nobody called, None, octets, a path or a list is named.

What a setting takes is read from its annotation, so that it is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from functools import cache
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from fapikit.errors import ConfigurationError

_OCTETS: Final = bytes | bytearray | memoryview


class _Takes(NamedTuple):
    """What an annotation allows. `others`: classes beside text; `open`: also what cannot be told from here."""

    text: bool
    texts: bool
    none: bool
    others: tuple[type, ...]
    open: bool

    def takes(self, value: object) -> bool:
        if value is None:
            return self.none
        if isinstance(value, str):
            return self.text or str in self.others
        if self.texts and _has_texts(value):
            return True
        return self.open or isinstance(value, self.others)


def check_text_settings(settings: Any) -> None:
    """Check each field of a dataclass that takes text. Raises ConfigurationError that names the field."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings) if field.init}
    require_text_settings(type(settings), values)


def require_text_settings(kind: type, values: Mapping[str, object], *, of: str = "") -> None:
    """The same for `values` that are to become fields of `kind`. `of`: what the caller knows it as."""
    takes = _of(kind)
    for name, value in values.items():
        allowed = takes.get(name)
        if allowed is not None and not allowed.takes(value):
            raise _wrong(f"{of or kind.__name__}({name}=)", value, allowed, name)


def require_text(setting: str, value: object) -> None:
    """Raise ConfigurationError unless this setting is a string."""
    if not isinstance(value, str):
        raise _wrong(setting, value, _TEXT, setting)


def require_texts(setting: str, value: object) -> None:
    """Raise ConfigurationError unless this setting is a collection of strings."""
    if not _has_texts(value):
        raise _wrong(setting, value, _TEXTS, setting)


_TEXT: Final = _Takes(text=True, texts=False, none=False, others=(), open=False)
_TEXTS: Final = _TEXT._replace(text=False, texts=True)


@cache
def _of(kind: type) -> Mapping[str, _Takes]:
    """The fields of a class that take text, or several texts."""
    found = {name: _read(hint) for name, hint in get_type_hints(kind).items()}
    return {name: takes for name, takes in found.items() if takes.text or takes.texts}


def _read(hint: Any) -> _Takes:
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    rest = [
        each for each in alternatives if each is not NoneType and not _is_text(each) and not _is_texts(each)
    ]
    classes = tuple(
        each for each in rest if isinstance(each, type) and not getattr(each, "_is_protocol", False)
    )
    return _Takes(
        text=any(map(_is_text, alternatives)),
        texts=any(map(_is_texts, alternatives)),
        none=NoneType in alternatives,
        others=classes,
        open=len(classes) < len(rest),
    )


def _is_text(hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return all(isinstance(word, str) for word in get_args(hint))
    return hint is str


def _is_texts(hint: Any) -> bool:
    origin, items = get_origin(hint), [each for each in get_args(hint) if each is not Ellipsis]
    return (
        isinstance(origin, type)
        and issubclass(origin, Collection)
        and not issubclass(origin, Mapping)
        and bool(items)
        and all(map(_is_text, items))
    )


def _has_texts(value: object) -> bool:
    return (
        isinstance(value, Collection)
        and not isinstance(value, str | _OCTETS)
        and all(isinstance(item, str) for item in value)
    )


def _wrong(named: str, value: object, allowed: _Takes, setting: str) -> ConfigurationError:
    """The value is not told: it may be a secret that was given in the wrong place."""
    wanted = "a string" if allowed.text else "a list of strings"
    if allowed.texts and allowed.text:
        wanted = "a string, or a list of strings"
    return ConfigurationError(
        f"{named} must be {wanted}, but it {_described(value, allowed)}", facts={"setting": setting}
    )


def _described(value: object, allowed: _Takes) -> str:
    if allowed.texts and isinstance(value, Collection) and not isinstance(value, str | _OCTETS):
        odd = next(item for item in value if not isinstance(item, str))
        return f"has an item that {_described(odd, _TEXT)}"
    if isinstance(value, str):
        return "is one string: put it into a list"
    for kind, what in _WHAT_IT_IS.items():
        if isinstance(value, kind):
            return what
    return f"is of the type {type(value).__name__}"


_WHAT_IT_IS: Final[Mapping[Any, str]] = {
    NoneType: "is None",
    _OCTETS: "is octets: decode them",
    PurePath: "is a path: write str(path)",
    Callable: "is a function: call it",
    Collection: "is a collection: give one string",
}
