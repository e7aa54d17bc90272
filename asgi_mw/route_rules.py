"""Whether a route of Starlette or FastAPI applies its rule: that of its endpoint, or one among its dependencies.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

from fapikit.errors import ConfigurationError
from rskit.access import ACCESS_MARK, Access
from rskit.policy.misplaced_access import require_rules_in_force
from rskit.policy.way import Way
from rskit.tokens.token import Token

_PARAMETERS: Final = ("path_params", "query_params", "header_params", "cookie_params", "body_params")


def require_working_rules(ways: Iterable[Way]) -> None:
    """Raises ConfigurationError for a route that leaves out its rule, or whose rule FastAPI does not understand."""
    ways = list(ways)
    for way in ways:
        for fault in _faults(getattr(way.route, "dependant", None)):
            raise ConfigurationError(
                f'{way.path}: {fault}. In FastAPI, write token: Annotated[Token, Access("payments")] or '
                'dependencies=[Access("payments")], with asgi_mw.fastapi.Access and without Depends()',
                facts={"route": way.path},
            )
    require_rules_in_force(ways, _has_rule)


def _faults(dependant: Any) -> Iterator[str]:
    """FastAPI reads what it does not know as a part of the request, so each request would be answered 422."""
    if dependant is None:
        return
    from asgi_mw.starlette import Access as Decorator

    for name in _PARAMETERS:
        for field in getattr(dependant, name, ()):
            annotation = getattr(getattr(field, "field_info", None), "annotation", None)
            if annotation is Token or Token in get_args(annotation):
                yield f"the parameter {field.name!r} is a Token that no Access of FastAPI yields"
    for dependency in getattr(dependant, "dependencies", ()):
        if isinstance(dependency.call, Decorator):
            yield "asgi_mw.starlette.Access is a decorator, not a dependency"
        yield from _faults(dependency)


def _has_rule(way: Way) -> bool:
    """Whether the route is public, or applies an Access."""
    marked = isinstance(getattr(way.endpoint, ACCESS_MARK, None), Access)
    return way.public or marked or access_among(getattr(way.route, "dependant", None)) is not None


def access_among(dependant: Any) -> Access | None:
    """FastAPI: an Access among the dependencies, at any depth."""
    for dependency in getattr(dependant, "dependencies", ()):
        call = dependency.call
        if isinstance(call, Access):
            return call
        nested = access_among(dependency)
        if nested is not None:
            return nested
    return None
