"""Takes one function of the packages away, wherever it was imported to."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

PACKAGES = ("fapikit", "rpkit", "rskit", "askit", "asgi_mw", "wsgi_mw")


@contextmanager
def taken_away(name: str, instead: Callable[..., Any]) -> Iterator[Callable[[], bool]]:
    """During the block, `instead` is called in the place of the function with this dotted name.

    Yields a function that tells whether it was called. `instead` is a plain function, whatever it replaces.
    """
    called: list[bool] = []

    def answer(*arguments: Any, **named: Any) -> Any:
        called.append(True)
        return instead(*arguments, **named)

    owner, attribute = _owner(name)
    original = getattr(owner, attribute)
    stand_in = _of_the_kind(original, answer)
    with ExitStack() as patches:
        if inspect.isclass(owner):
            as_written = inspect.getattr_static(owner, attribute)
            kept: Any = stand_in
            if isinstance(as_written, classmethod | staticmethod | property):
                kept = type(as_written)(stand_in)
            patches.enter_context(patch.object(owner, attribute, kept))
        else:
            for module in _modules():
                for found in [key for key, value in vars(module).items() if value is original]:
                    patches.enter_context(patch.object(module, found, stand_in))
        yield lambda: bool(called)


def _owner(name: str) -> tuple[Any, str]:
    """The module or the class that has the function."""
    path, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(path), attribute
    except ModuleNotFoundError:
        module, _, kind = path.rpartition(".")
        return getattr(importlib.import_module(module), kind), attribute


def _modules() -> list[Any]:
    return [
        module for key, module in list(sys.modules.items()) if key.partition(".")[0] in PACKAGES and module
    ]


def _of_the_kind(original: Any, answer: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function for a coroutine function, a flow for a flow. `answer` may also return a coroutine."""
    if inspect.iscoroutinefunction(original):

        async def awaited(*arguments: Any, **named: Any) -> Any:
            result = answer(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        return awaited
    if inspect.isgeneratorfunction(original):

        def flow(*arguments: Any, **named: Any) -> Any:
            yield from ()
            return answer(*arguments, **named)

        return flow
    return answer
