"""`@Access` above the route decorator of Flask: no request passes, and the error names the route."""

from __future__ import annotations

import functools
import logging
import sys
import types
from collections.abc import Callable
from typing import Any

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

import wsgi_mw
from fapikit.errors import ConfigurationError
from tests.rskit.mothers import a_server, a_token
from wsgi_mw.flask import Access, public


def a_view() -> Callable[[], str]:
    def pay() -> str:
        return "paid"

    return pay


def above(app: flask.Flask) -> None:
    pay = a_view()
    Access("payments")(app.get("/pay")(pay))


def above_another_decorator(app: flask.Flask) -> None:
    pay = a_view()
    registered = app.get("/pay")(pay)
    Access("payments")(functools.wraps(registered)(lambda: registered()))


def below_as_well_as_above(app: flask.Flask) -> None:
    pay = a_view()
    app.get("/guarded", endpoint="guarded")(Access("payments")(pay))
    app.get("/pay")(pay)


def in_a_blueprint(app: flask.Flask) -> None:
    pay = a_view()
    blueprint = flask.Blueprint("inner", "inner")
    Access("payments")(blueprint.get("/pay")(pay))
    app.register_blueprint(blueprint)


AS_IT_IS_WRITTEN = """
@Access("payments")
@app.get("/pay")
def pay():
    return "paid"
"""


def above_in_a_module(app: flask.Flask) -> None:
    module = types.ModuleType("an_app_of_somebody")
    sys.modules[module.__name__] = module
    vars(module).update(app=app, Access=Access)
    exec(AS_IT_IS_WRITTEN, vars(module))


def pay_of_a_module() -> str:
    return "paid"


def guarded_by_a_call_elsewhere(app: flask.Flask) -> None:
    flask.Flask("another").get("/pay")(Access("payments")(pay_of_a_module))
    app.get("/pay")(pay_of_a_module)


def below(app: flask.Flask) -> None:
    pay = a_view()
    app.get("/pay")(Access("payments")(pay))


def without_a_rule(app: flask.Flask) -> None:
    app.get("/pay")(lambda: "paid")


def twice_with_a_rule_each(app: flask.Flask) -> None:
    pay = a_view()
    app.get("/guarded", endpoint="guarded")(Access("admin")(pay))
    app.get("/pay")(Access()(pay))


def guarded_in_another_way(app: flask.Flask) -> None:
    pay = a_view()
    Access("admin")(pay)
    app.get("/pay")(functools.wraps(pay)(lambda: "paid"))


def open_to_all(app: flask.Flask) -> None:
    def status() -> str:
        return "paid"

    Access("admin")(status)
    app.get("/pay")(public()(status))


def call(app: Any, token: str | None, path: str = "/pay") -> Any:
    return Client(app).get(path, headers={"authorization": f"Bearer {token}"} if token else {})


def protected(register: Callable[[flask.Flask], None]) -> flask.Flask:
    app = flask.Flask("api")
    register(app)
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server())  # type: ignore[method-assign]
    return app


@pytest.mark.parametrize(
    "register", [above, above_another_decorator, below_as_well_as_above, in_a_blueprint, above_in_a_module]
)
def test_a_rule_outside_of_the_route_stops_every_request(
    register: Callable[[flask.Flask], None], caplog: pytest.LogCaptureFixture
):
    app = protected(register)
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"/pay \(Access\('payments'\)\).*below the route decorator"
        ):
            call(app, a_token())
    critical = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(critical) == 2
    with pytest.raises(ConfigurationError, match="/pay"):
        wsgi_mw.audit(app)
    assert call(app, None).status_code == 401


@pytest.mark.parametrize(
    "register",
    [
        below,
        without_a_rule,
        twice_with_a_rule_each,
        guarded_in_another_way,
        open_to_all,
        guarded_by_a_call_elsewhere,
    ],
)
def test_other_routes_are_taken_as_they_stand(register: Callable[[flask.Flask], None]):
    app = protected(register)
    assert [call(app, a_token()).text for _ in range(2)] == ["paid", "paid"]
    assert wsgi_mw.audit(app)


def test_an_application_behind_a_dispatcher_is_examined_too():
    inner = flask.Flask("inner")
    above(inner)
    app = DispatcherMiddleware(flask.Flask("outer"), {"/inner": inner})
    with pytest.raises(ConfigurationError, match="/inner/pay"):
        call(wsgi_mw.Protect(app, a_server()), a_token(), "/inner/pay")
