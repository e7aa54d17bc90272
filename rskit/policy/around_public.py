"""The application code that may run around a public endpoint for a request without a token: only what the team named.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection, Iterable, Iterator

from fapikit.errors import ConfigurationError
from rskit.policy.dotted_name import named_object

_FORM = "around_public= takes a collection of classes, functions, or their dotted names"


class AroundPublic:
    """The named code: a middleware class, a hook or a handler, each as an object or by its dotted name.

    A dotted name may be the one that the team imports it by. It may be the one of the definition too, as the log and
    `audit` say it.
    Raises ConfigurationError for a value that names nothing.
    """

    def __init__(self, named: Collection[object] = ()) -> None:
        if isinstance(named, str) or not isinstance(named, Collection):
            raise ConfigurationError(f"{_FORM}, not {named!r}")
        for one in named:
            if not (callable(one) or (isinstance(one, str) and "." in one)):
                raise ConfigurationError(f"{_FORM}; it contains {one!r}")
            if isinstance(one, str) and "<lambda>" in one:
                raise ConfigurationError(
                    "around_public= names a lambda, and all lambdas have the same name: give the object itself"
                )
        self._names = frozenset(one for one in named if isinstance(one, str))
        meant = [named_object("around_public=", one) if isinstance(one, str) else one for one in named]
        self._things = tuple(one for one in meant if one is not None)
        if not all(map(callable, self._things)):
            raise ConfigurationError(f"{_FORM}; it contains {named!r}, where something cannot be called")

    def allows(self, layer: object) -> bool:
        """`layer`: a class, a function, or a callable object; its class may be named instead of it."""
        return any(_is_same(one, layer) for one in self._things) or name_of(layer) in self._names

    def missing(self, layers: Iterable[object]) -> tuple[str, ...]:
        """The names of the layers that were not named in around_public=, each once."""
        return tuple(dict.fromkeys(name_of(layer) for layer in layers if not self.allows(layer)))

    def __iter__(self) -> Iterator[str]:
        """The names, sorted."""
        return iter(sorted({*self._names, *map(name_of, self._things)}))

    def __repr__(self) -> str:
        return f"AroundPublic({', '.join(self)})"


def name_of(layer: object) -> str:
    """Its dotted name. An object without a name has that of its class."""
    layer = _whole(layer)
    named = layer if isinstance(getattr(layer, "__qualname__", None), str) else type(layer)
    return f"{named.__module__}.{named.__qualname__}"  # type: ignore[attr-defined] # it has one, or its class has


def is_own(thing: object, frameworks: Collection[str]) -> bool:
    """Whether it was defined in one of these packages: `is_own(handler, {"starlette", "fastapi"})`."""
    return name_of(thing).partition(".")[0] in frameworks


def replaced(owner: object, steps: frozenset[str], frameworks: frozenset[str]) -> tuple[object, ...]:
    """The application code that replaces a framework's steps: overriding classes, and attributes set on the object."""
    overriding: tuple[object, ...] = _overriding(type(owner), steps, frameworks)  # type: ignore[arg-type] # hashable
    in_place = getattr(owner, "__dict__", {})
    for step in steps:
        if step in in_place and step[:2] != "__":
            overriding = (*overriding, in_place[step])
    return overriding


@functools.lru_cache(maxsize=1024)
def _overriding(owner: type, steps: frozenset[str], frameworks: frozenset[str]) -> tuple[type, ...]:
    return tuple(
        found
        for found in owner.__mro__
        if not steps.isdisjoint(vars(found)) and not is_own(found, frameworks)
    )


def _is_same(named: object, layer: object) -> bool:
    named, layer = _whole(named), _whole(layer)
    if named is layer or (inspect.ismethod(layer) and named == layer):
        return True
    return not inspect.isclass(layer) and not inspect.isroutine(layer) and named is type(layer)


def _whole(layer: object) -> object:
    """The function inside of a partial."""
    while isinstance(layer, functools.partial):
        layer = layer.func
    return layer
