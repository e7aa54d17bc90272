"""The layers that Starlette and FastAPI put around an endpoint, and which code in them is the application's own.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware

from rskit.policy.around_public import is_own, name_of, replaced

FRAMEWORKS: Final = frozenset({"starlette", "fastapi"})
_STOCK: Final = frozenset(
    {
        "asgi_mw.gate.Gate",
        "starlette.middleware.body_limit.RequestBodyLimitMiddleware",
        "fastapi.middleware.asyncexitstack.AsyncExitStackMiddleware",
        "fastapi.telemetry._asgi.ExceptionTelemetryMiddleware",
        "fastapi._body_limit.AppBodyLimitMiddleware",
        "fastapi._body_limit._BodyLimitExceptionMiddleware",
    }
)
"""Layers that the frameworks add by themselves and that pass a request on unchanged."""
_BUILDING: Final = frozenset({"build_middleware_stack"})
_HANDLING: Final = {
    "starlette.middleware.errors.ServerErrorMiddleware": ("handler",),
    "starlette.middleware.exceptions.ExceptionMiddleware": ("_exception_handlers", "_status_handlers"),
}
"""Also the frameworks' own layers, apart from the handlers that they were given."""


class Declared:
    """A layer that an application will make on its first call. `given`: its arguments; None for the frameworks' own."""

    def __init__(self, app: Any, layers: Iterable[object], given: Any = None) -> None:
        self.app = app
        self.layers = tuple(layers)
        self.given = given

    def makes(self, wanted: type) -> bool:
        made = getattr(self.given, "cls", None)
        return isinstance(made, type) and issubclass(made, wanted)

    def made(self) -> Any:
        return self.given.cls(self.app, *self.given.args, **self.given.kwargs)

    def __call__(self, *_: Any) -> None:
        raise RuntimeError(
            "this layer has not been made yet: it only stands for one that the application will make"
        )


def stack_of(app: Starlette) -> Any:
    """The outermost layer of the application, as it exists or as it is declared."""
    if app.middleware_stack is not None:
        return app.middleware_stack
    node: Any = app.router
    for given in reversed(app.user_middleware):
        node = _declared(node, given)
    built_otherwise = replaced(app, _BUILDING, FRAMEWORKS)
    return Declared(node, (*built_otherwise, *_own(app.exception_handlers.values())))


def _declared(node: Any, given: Any) -> Declared:
    if given.cls is BaseHTTPMiddleware:
        return Declared(node, given.args[:1] or (given.kwargs.get("dispatch"),), given)
    # What a function returns, and whether that shows what it wraps, cannot be known in advance.
    return Declared(node if inspect.isclass(given.cls) else None, (given.cls,), given)


def layers_of(node: Any) -> tuple[object, ...]:
    """The application's own code that runs in this layer; nothing for a layer of the frameworks."""
    if isinstance(node, Declared):
        return node.layers
    name = _name_of(type(node))  # type: ignore[arg-type] # a class is hashable
    if name in _HANDLING:
        return _own_handlers(node, _HANDLING[name])
    if name in _STOCK:
        return ()
    return (node.dispatch_func if type(node) is BaseHTTPMiddleware else node,)


def shown(node: Any) -> object:
    """The object by which a layer is named."""
    return node.layers[0] if isinstance(node, Declared) else node


def _own_handlers(node: Any, names: tuple[str, ...]) -> tuple[object, ...]:
    found: list[object] = []
    for name in names:
        given = vars(node).get(name, node)
        if given is node:
            return (node,)  # an unknown version of Starlette, which keeps its handlers elsewhere
        found += given.values() if isinstance(given, dict) else [given]
    return tuple(_own(found))


def _own(handlers: Any) -> Iterator[object]:
    return (handler for handler in handlers if handler is not None and not is_own(handler, FRAMEWORKS))


def leads_to(node: Any, endpoint: Any) -> bool:
    """Whether the node is the endpoint, or the framework's own function that calls it, with nothing in between."""
    made_by_framework = inspect.isfunction(node) and node.__module__ in (
        "starlette.routing",
        "fastapi.routing",
    )
    return node is endpoint or made_by_framework


def convertors_of(route: Any) -> tuple[object, ...]:
    """The application's own path convertors. They run whenever the router is asked."""
    found: tuple[object, ...] = ()
    for convertor in (getattr(route, "param_convertors", None) or {}).values():
        if not _is_stock(type(convertor)):  # type: ignore[arg-type] # a class is hashable
            found = (*found, convertor)
    return found


@functools.lru_cache(maxsize=1024)
def _name_of(made: Any) -> str:
    return name_of(made)


@functools.lru_cache(maxsize=1024)
def _is_stock(made: Any) -> bool:
    return is_own(made, FRAMEWORKS)
