"""What a team may name to run around public endpoints, and how it is known again."""

from __future__ import annotations

import functools
from typing import Any

import flask
import pytest
from starlette.applications import Starlette

import asgi_mw
import wsgi_mw
from fapikit.errors import ConfigurationError
from rskit import Cors
from rskit.access import Access, is_public, public
from rskit.policy.around_public import AroundPublic, name_of, replaced
from tests.rskit.mothers import a_server

HERE = __name__


class Layer:
    def hook(self) -> None: ...

    def __call__(self) -> None: ...


class Derived(Layer):
    pass


def function() -> None: ...


LAYER = Layer()


@pytest.mark.parametrize(
    ("named", "layer", "name"),
    [
        (Layer, Layer, "Layer"),
        (Layer, LAYER, "Layer"),
        (LAYER, LAYER, "Layer"),
        (function, function, "function"),
        (LAYER.hook, LAYER.hook, "Layer.hook"),
        (f"{HERE}.Layer.hook", LAYER.hook, "Layer.hook"),
        (f"{HERE}.Layer", LAYER, "Layer"),
        (f"{HERE}.function", functools.partial(function), "function"),
        (function, functools.partial(functools.partial(function)), "function"),
    ],
)
def test_what_is_named_is_known_again(named: Any, layer: Any, name: str):
    assert AroundPublic([named]).allows(layer)
    assert name_of(layer) == f"{HERE}.{name}"
    assert list(AroundPublic([named])) == [f"{HERE}.{name}"]


@pytest.mark.parametrize(
    ("named", "layer"),
    [
        (Layer, Derived),
        (Layer, Derived()),
        (Derived, LAYER),
        (LAYER, Layer),
        (LAYER, Layer()),
        (Layer().hook, LAYER.hook),
        (type(function), function),
        (type, Layer),
        (functools.partial, functools.partial(function)),
        (f"{HERE}.Layer", LAYER.hook),
        (f"{HERE}.Layer", Derived),
        ((lambda: None), (lambda: None)),
    ],
)
def test_what_only_looks_alike_is_not_named(named: Any, layer: Any):
    assert not AroundPublic([named]).allows(layer)


def test_what_is_missing_is_said_once_and_in_order():
    layers = [function, LAYER, Derived, LAYER, function]
    assert AroundPublic([Derived]).missing(layers) == (f"{HERE}.function", f"{HERE}.Layer")
    assert AroundPublic([Derived, function, Layer]).missing(layers) == ()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("bank.Timing", "takes a collection"),
        (None, "takes a collection"),
        (Layer, "takes a collection"),
        (["Timing"], "it contains"),
        ([7], "it contains"),
        (["bank.app.<lambda>"], "lambda"),
        (["rskit.policy"], "cannot be called"),
        (["no_such_package.Timing"], "no_such_package"),
        ([f"{HERE}.nowhere.Timing"], "has no 'nowhere'"),
        ([f"{HERE}.Layer.hock"], "has no 'hock'"),
        ([f"{HERE}.func"], "has no 'func'"),
        ([f"{HERE}..function"], "has no ''"),
        (["tests.rskit.policy.no_such_module.Timing"], "no_such_module"),
        ([".Timing"], "no dotted name"),
        ([f"{HERE}.nowhere.<locals>.Timing"], "has no 'nowhere'"),
    ],
)
def test_what_names_nothing_is_refused_at_construction(named: Any, said: str):
    for protect, app in ((asgi_mw.Protect, Starlette()), (wsgi_mw.Protect, flask.Flask("api"))):
        with pytest.raises(ConfigurationError, match=said):
            protect(app, a_server(), around_public=named)  # type: ignore[operator]


def made_within() -> type:
    class Inner:
        pass

    return Inner


def test_what_was_made_within_a_function_can_be_named():
    named = f"{HERE}.made_within.<locals>.Inner"
    assert AroundPublic([named]).allows(made_within())
    assert not AroundPublic([named]).allows(made_within)


def test_a_name_may_be_the_one_that_it_is_imported_by():
    assert AroundPublic(["rskit.Cors"]).allows(Cors)
    assert AroundPublic([name_of(Cors)]).allows(Cors)
    assert name_of(Cors) != "rskit.Cors"


def test_steps_that_are_replaced_are_found_wherever_that_was_done():
    class Own(flask.Flask):
        def dispatch_request(self) -> Any:
            return None

    app = Own("api")
    steps, flasks = frozenset({"dispatch_request", "make_response"}), frozenset({"flask"})
    assert replaced(app, steps, flasks) == (Own,)
    app.make_response = function  # type: ignore[method-assign, assignment]
    assert replaced(app, steps, flasks) == (Own, function)
    assert replaced(flask.Flask("api"), steps, flasks) == ()


def test_the_mark_is_the_endpoint_s_own():
    marked = public()

    @marked
    class Open:
        @marked
        def method(self) -> None: ...

        def other(self) -> None: ...

    class Closed(Open):
        pass

    class Forwarding:
        def __getattr__(self, name: str) -> Any:
            return getattr(Open, name)

    assert [is_public(found) for found in (Open, Open(), Open().method, marked(Layer()))] == [True] * 4
    assert [is_public(found) for found in (Closed, Closed(), Open().other, Forwarding(), Layer(), None)] == [
        False
    ] * 6
    assert is_public(functools.wraps(marked(lambda: None))(lambda: None))
    assert not is_public(functools.partial(marked(lambda: None)))
    with pytest.raises(ConfigurationError, match="not both"):
        Access("a").mark(Open)
