"""The Python names that are public: modules, classes, functions, parameters, fields, errors, profiles."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from fapikit.errors import FapiError
from fapikit.profiles import Profile
from tools.citations import PACKAGES
from tools.errors_doc import import_everything, leaves
from tools.public_names import MODULES, OURS, methods_of, public_names, shown_annotation, shown_default
from tools.surface.line import Line
from tools.surface.shown import shown

_EVERY_ERROR = (Exception, BaseException, object)
_ABOUT_ITSELF = ("name", "clauses", "relaxations")
"""Fields of a profile that say nothing about what it requires."""
_NO_CONSTRUCTOR = (enum.Enum, dict)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def lines() -> Iterator[Line]:
    first: dict[int, str] = {}
    for name in MODULES:
        module = importlib.import_module(name)
        yield Line("module", name)
        for public in public_names(module):
            value, full = getattr(module, public), f"{name}.{public}"
            known = first.setdefault(id(value), full)
            yield from _named(full, value) if known == full else [Line("value", full, f"is {known}")]
    yield from _errors()


def _errors() -> Iterator[Line]:
    """Each error class, with the classes by which it can be caught and with what goes on the wire."""
    import_everything()
    for kind in dict.fromkeys(leaves()):
        if kind.__module__.split(".")[0] in PACKAGES:
            caught_by = [each.__name__ for each in kind.__mro__[1:] if each not in _EVERY_ERROR]
            wire = f"; {kind.code}" if kind.code else ""
            yield Line("error", f"{kind.__module__}.{kind.__qualname__}", f"{', '.join(caught_by)}{wire}")


def _named(name: str, value: Any) -> Iterator[Line]:
    if type(value).__name__ == "LocalProxy" or inspect.ismodule(value):
        yield Line("value", name, type(value).__name__)
    elif inspect.isclass(value):
        yield from _class(name, value)
    elif inspect.isfunction(value):
        yield from _function("function", name, value)
    elif isinstance(value, Profile):
        yield Line("value", name, "Profile")
        yield from _profile(value)
    else:
        yield Line(
            "value", name, type(value).__name__ if type(value).__module__.startswith(OURS) else shown(value)
        )


def _profile(profile: Profile) -> Iterator[Line]:
    for field in dataclasses.fields(profile):
        if not field.name.startswith("_") and field.name not in _ABOUT_ITSELF:
            yield Line("profile", f"{profile.name} {field.name}", shown(getattr(profile, field.name)))


def _class(name: str, value: type) -> Iterator[Line]:
    protocol = bool(getattr(value, "_is_protocol", False))
    yield Line("protocol" if protocol else "class", name, ", ".join(sorted(_ours_above(value))))
    if issubclass(value, enum.Enum):
        for choice in value:
            told = shown(choice.value) if isinstance(choice.value, str) else ""
            yield Line("member", f"{name}.{choice.name}", told)
    elif not protocol and not issubclass(value, _NO_CONSTRUCTOR):
        yield from _constructor(name, value)
    yield from _attributes(name, value)
    for member, function in methods_of(value):
        yield from _function("duty" if protocol else "method", f"{name}.{member}", function)


def _ours_above(value: type) -> set[str]:
    return {
        each.__name__ for each in value.__mro__[1:] if each.__module__ not in ("builtins", "typing", "enum")
    }


def _constructor(name: str, value: type) -> Iterator[Line]:
    if issubclass(value, FapiError) and "__init__" not in vars(value):
        return  # it is made by the toolkit alone
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return
    yield from _parameters(name, signature, getattr(vars(value).get("__init__"), "__globals__", {}))


def _attributes(name: str, value: type) -> Iterator[Line]:
    """Fields of a dataclass, a NamedTuple or a TypedDict, and properties; those of private classes above it too."""
    seen = set[str]()
    for kind in value.__mro__:
        if not kind.__module__.startswith(OURS):
            continue
        for member, annotation in inspect.get_annotations(kind).items():
            if not member.startswith("_") and member not in seen:
                seen.add(member)
                yield Line("field", f"{name}.{member}", shown_annotation(annotation))
        for member, raw in vars(kind).items():
            if not member.startswith("_") and member not in seen and isinstance(raw, property):
                seen.add(member)
                yield Line("field", f"{name}.{member}", _returned(raw.fget))


def _function(kind: str, name: str, function: Any) -> Iterator[Line]:
    awaited = "await " if inspect.iscoroutinefunction(function) else ""
    yield Line(kind, name, f"{awaited}-> {_returned(function)}")
    yield from _parameters(name, inspect.signature(function), function.__globals__)


def _returned(function: Any) -> str:
    returned = inspect.signature(function).return_annotation
    return "" if returned is inspect.Signature.empty else shown_annotation(returned)


def _parameters(name: str, signature: inspect.Signature, found: dict[str, Any]) -> Iterator[Line]:
    given = [p for p in signature.parameters.values() if p.name not in ("self", "cls") and p.name[0] != "_"]
    for position, parameter in enumerate(given, 1):
        kind = "" if parameter.annotation is parameter.empty else shown_annotation(parameter.annotation)
        options = re.fullmatch(r"Unpack\[(\w+)\]", kind)
        if options is not None:
            for key, annotation in inspect.get_annotations(found[options[1]]).items():
                yield Line(
                    "parameter", f"{name} {key}", f"keyword-only: {shown_annotation(annotation)} = left out"
                )
            continue
        place = str(position) if parameter.kind in _POSITIONAL else parameter.kind.description.split()[0]
        default = "" if parameter.default is parameter.empty else f" = {shown_default(parameter.default)}"
        yield Line("parameter", f"{name} {parameter.name}", f"{place}: {kind}{default}")
