"""Finds routes whose `@Access` was written above the route decorator, so that the route was given the bare function.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakKeyDictionary

from fapikit.errors import ConfigurationError
from rskit.policy.way import Way

_MOST_WRAPPERS: Final = 64

_WRAPPED: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()
"""The functions that an Access wraps, with its text. A mark on the function would be copied by other decorators."""


def remember_wrapped(endpoint: Any, rule: object) -> None:
    """Remember that a rule wraps this function, and the functions that the function itself wraps."""
    for _ in range(_MOST_WRAPPERS):
        if endpoint is None or inspect.isclass(endpoint) or inspect.isbuiltin(endpoint):
            return  # others use it too, and nobody decorates it where it is written
        with contextlib.suppress(
            TypeError
        ):  # such an object cannot be remembered: a route with it is taken as it is
            _WRAPPED[endpoint] = repr(rule)
        endpoint = getattr(endpoint, "__wrapped__", None)


def require_rules_in_force(ways: Iterable[Way], has_rule: Callable[[Way], bool]) -> None:
    """Raises ConfigurationError, with their paths, for routes whose function is guarded only outside of the route."""
    found = {way.path: _rule_around(way.endpoint) for way in ways if not has_rule(way)}
    misplaced = {path: rule for path, rule in found.items() if rule is not None}
    if misplaced:
        named = ", ".join(f"{path} ({rule})" for path, rule in misplaced.items())
        raise ConfigurationError(
            f"these routes do not apply their Access, and would take any valid token: {named}. Put @Access below "
            "the route decorator, such as @app.get(...); in FastAPI, use asgi_mw.fastapi.Access in a parameter. "
            "If a route is meant to take the function without this rule, give that route Access() or public()",
            facts={"routes": named},
        )


def _rule_around(endpoint: Any) -> str | None:
    try:
        rule = _WRAPPED.get(endpoint)
    except TypeError:  # it cannot be remembered
        return None
    return None if rule is None or _stands_in_its_module(endpoint) else rule


def _stands_in_its_module(endpoint: Any) -> bool:
    """Whether its name means this function itself. So nothing decorates it where it is written: `Access("x")(pay)`."""
    found: Any = sys.modules.get(getattr(endpoint, "__module__", None) or "")
    for name in getattr(endpoint, "__qualname__", "<none>").split("."):
        found = getattr(found, name, None)
    return found is endpoint
