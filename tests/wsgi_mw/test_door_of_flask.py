"""Nothing of a Flask app runs for a stranger but what is public, and by name what is around it.

One app that keeps the rule, and a table of what may be built into it, each by itself: unnamed it closes what is public,
named it runs there, and in neither case does anything answer that was not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface
from flask.views import MethodView
from werkzeug.exceptions import ImATeapot
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

import wsgi_mw
from tests.rskit.door import PREFLIGHT, Ran, ask_wsgi
from tests.rskit.mothers import a_server, a_token
from wsgi_mw.flask import Access, public

RAN = Ran()
WITH_TOKEN = {"authorization": f"Bearer {a_token()}"}


@pytest.fixture(autouse=True)
def _nothing_has_run() -> None:
    RAN.clear()


# --- the app, and what may be built into it ---


def an_app(make: type[flask.Flask] = flask.Flask, of_inner: Any = None) -> flask.Flask:
    app = make("api", static_folder=None)
    inner = flask.Blueprint("inner", "inner", url_prefix="/inner")
    deep = flask.Blueprint("deep", "deep", url_prefix="/deep")

    @app.get("/health")
    @public()
    def health() -> str:
        RAN("health")
        return "up"

    @app.get("/failing")
    @public()
    def failing() -> str:
        RAN("failing")
        raise ImATeapot

    @app.route("/pages/<path:name>", methods=["GET", "POST"])
    @public()
    def page(name: str) -> str:
        RAN("page")
        return name

    @app.route("/accounts", methods=["GET", "POST"])
    def accounts() -> str:
        RAN("accounts")
        return "SECRET"

    @deep.get("/health")
    @public()
    def deep_health() -> str:
        RAN("deep")
        return "up"

    @inner.get("/accounts")
    @Access("accounts")
    def inner_accounts() -> str:
        RAN("inner accounts")
        return "SECRET"

    if of_inner is not None:
        of_inner(inner)
    inner.register_blueprint(deep)
    app.register_blueprint(inner)
    return app


def hook(*_: Any, **__: Any) -> None:
    RAN("hook")


def after(response: Any) -> Any:
    RAN("after")
    return response


def handle(error: Exception) -> Any:
    RAN("handle")
    return "handled", 418


class Layer:
    """A WSGI middleware of the team's: `app` shows what it is around."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        RAN(type(self).__name__)
        return self.app(self.changed(environ), start_response)

    def changed(self, environ: Any) -> Any:
        return environ


class Timing(Layer):
    """Watches, and hands on."""


class Rewriting(Layer):
    def changed(self, environ: Any) -> Any:
        return {**environ, "PATH_INFO": environ["PATH_INFO"].replace("/pages/accounts", "/accounts")}


class ToBlueprint(Layer):
    def changed(self, environ: Any) -> Any:
        return {**environ, "PATH_INFO": environ["PATH_INFO"].replace("/pages/", "/inner/")}


class Forgetting(Rewriting):
    """Makes an environ of its own, and leaves out what it does not know."""

    def changed(self, environ: Any) -> Any:
        changed = super().changed(environ)
        return {name: value for name, value in changed.items() if name.isupper() or name.startswith("wsgi.")}


class Overriding(Layer):
    def changed(self, environ: Any) -> Any:
        method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
        return {**environ, "REQUEST_METHOD": method}


class Late(Rewriting):
    """Asks the application only when its answer is asked for."""

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        RAN("Late")
        yield from self.app(self.changed(environ), start_response)


class Metrics(Layer):
    def __call__(self, environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/pages/metrics":
            RAN("Metrics")
            start_response("200 OK", [])
            return [b"SECRET"]
        return super().__call__(environ, start_response)


class Limiting(Layer):
    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("429 Too Many Requests", [])
        return [b"later"]


class OwnFlask(flask.Flask):
    def dispatch_request(self, *arguments: Any) -> Any:
        RAN("OwnFlask")
        return super().dispatch_request(*arguments)


class OwnWsgiApp(flask.Flask):
    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        RAN("OwnWsgiApp")
        return super().wsgi_app(environ, start_response)


class OwnRequest(flask.Request):
    def __init__(self, *arguments: Any, **settings: Any) -> None:
        RAN("OwnRequest")
        super().__init__(*arguments, **settings)


class OwnSessions(SecureCookieSessionInterface):
    def open_session(self, app: Any, request: Any) -> Any:
        RAN("OwnSessions")
        return super().open_session(app, request)


class OwnConverter(BaseConverter):
    def to_python(self, value: str) -> str:
        RAN("OwnConverter")
        return value


def having(change: Callable[[flask.Flask], Any]) -> flask.Flask:
    app = an_app()
    change(app)
    return app


def put_around(layer: Any) -> flask.Flask:
    app = an_app()
    app.wsgi_app = layer(app.wsgi_app)  # type: ignore[method-assign]
    return app


def with_converter(app: flask.Flask) -> None:
    app.url_map.converters["own"] = OwnConverter
    app.add_url_rule("/own/<own:name>", view_func=public()(lambda name: name), endpoint="own")


def with_step(app: flask.Flask) -> None:
    """As an extension does it."""
    usual = app.handle_user_exception

    def step(error: Exception) -> Any:
        RAN("step")
        return usual(error)

    app.handle_user_exception = step  # type: ignore[method-assign]


STEP = f"{__name__}.with_step.<locals>.step"
BUILT: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "before_request": (lambda: having(lambda app: app.before_request(hook)), hook, "GET /health"),
    "after_request": (lambda: having(lambda app: app.after_request(after)), after, "GET /health"),
    "teardown_request": (lambda: having(lambda app: app.teardown_request(hook)), hook, "GET /health"),
    "teardown_appcontext": (lambda: having(lambda app: app.teardown_appcontext(hook)), hook, "GET /health"),
    "url_value_preprocessor": (
        lambda: having(lambda app: app.url_value_preprocessor(hook)),
        hook,
        "GET /health",
    ),
    "an error handler": (
        lambda: having(lambda app: app.register_error_handler(ImATeapot, handle)),
        handle,
        "GET /failing",
    ),
    "a handler of a status": (
        lambda: having(lambda app: app.register_error_handler(418, handle)),
        handle,
        "GET /failing",
    ),
    "a signal": (
        lambda: having(lambda app: flask.request_started.connect(hook, app)),
        hook,
        "GET /health",
    ),
    "a blueprint's hook": (
        lambda: an_app(of_inner=lambda inner: inner.before_request(hook)),
        hook,
        "GET /inner/deep/health",
    ),
    "a layer": (lambda: put_around(Timing), Timing, "GET /health"),
    "an app class": (lambda: an_app(OwnFlask), OwnFlask, "GET /health"),
    "an app class that begins itself": (lambda: an_app(OwnWsgiApp), OwnWsgiApp, "GET /health"),
    "a request class": (
        lambda: having(lambda app: setattr(app, "request_class", OwnRequest)),
        OwnRequest,
        "GET /health",
    ),
    "sessions": (
        lambda: having(lambda app: setattr(app, "session_interface", OwnSessions())),
        OwnSessions,
        "GET /health",
    ),
    "a converter": (lambda: having(with_converter), OwnConverter, "GET /own/x"),
    "a step of an extension": (lambda: having(with_step), STEP, "GET /failing"),
}


@pytest.fixture(params=BUILT)
def built(request: pytest.FixtureRequest) -> Any:
    return BUILT[request.param]


@pytest.fixture(params=["the app", "app.wsgi_app"])
def protect(request: pytest.FixtureRequest) -> Any:
    def around(app: flask.Flask, **settings: Any) -> Any:
        if request.param == "the app":
            return wsgi_mw.Protect(app, a_server(), **settings)
        app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server(), **settings)  # type: ignore[method-assign]
        return app

    return around


# --- the rule ---


def test_the_plain_app_needs_no_settings(protect: Any):
    app = protect(an_app())
    answers = {path: ask_wsgi(app, "GET", path).status_code for path in ("/health", "/pages/x", "/failing")}
    assert answers == {"/health": 200, "/pages/x": 200, "/failing": 418}
    for method, path in [
        ("GET", "/accounts"),
        ("GET", "/nowhere"),
        ("GET", "/inner/accounts"),
        ("PUT", "/health"),
    ]:
        assert ask_wsgi(app, method, path).status_code == 401
    assert ask_wsgi(app, "OPTIONS", "/health").status_code == 401
    assert RAN == ["health", "page", "failing"]
    assert ask_wsgi(app, "GET", "/accounts", WITH_TOKEN).text == "SECRET"


def test_what_nobody_has_named_does_not_run_for_a_stranger(
    built: Any, protect: Any, caplog: pytest.LogCaptureFixture
):
    make, layer, asked = built
    app = protect(make())
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        for path in (asked.split()[1], "/accounts", "/nowhere"):
            for headers in (None, PREFLIGHT):
                assert ask_wsgi(app, method, path, headers).status_code == 401
    assert RAN == []
    said = [
        record.getMessage() for record in caplog.records if "is closed without a token" in record.getMessage()
    ]
    assert len(said) == 1
    assert (layer if isinstance(layer, str) else f"{layer.__module__}.{layer.__qualname__}") in said[0]
    assert "closed without a token by" in str(wsgi_mw.audit(app))


def test_what_is_named_runs_around_what_is_public_and_nowhere_else(built: Any, protect: Any):
    make, layer, asked = built
    app = protect(make(), around_public=[layer])
    assert ask_wsgi(app, *asked.split()).status_code in (200, 418)
    assert getattr(layer, "__name__", "step") in RAN
    RAN.clear()
    for path in ("/accounts", "/nowhere"):
        assert ask_wsgi(app, "GET", path).status_code == 401
    assert RAN == []
    assert "closed without a token by" not in str(wsgi_mw.audit(app))


def test_with_a_token_all_of_it_runs(built: Any, protect: Any):
    make, *_ = built
    assert ask_wsgi(protect(make()), "GET", "/accounts", WITH_TOKEN).text == "SECRET"


@pytest.mark.parametrize(
    ("layer", "path", "ran"),
    [
        (Rewriting, "/pages/accounts", ["Rewriting"]),
        (ToBlueprint, "/pages/accounts", ["ToBlueprint"]),
        (Forgetting, "/pages/accounts", ["Forgetting"]),
        (Overriding, "/pages/x", ["Overriding"]),
        (Late, "/pages/accounts", ["Late"]),
        (Metrics, "/pages/metrics", ["Metrics"]),
    ],
)
def test_what_is_named_does_not_lead_a_stranger_elsewhere(layer: Any, path: str, ran: list[str]):
    def never(*_: Any) -> None:
        RAN("a hook of another blueprint")

    inner = an_app(of_inner=lambda blueprint: blueprint.url_value_preprocessor(never))
    inner.wsgi_app = layer(inner.wsgi_app)  # type: ignore[method-assign]
    app = wsgi_mw.Protect(inner, a_server(), around_public=[layer])
    answer = ask_wsgi(app, "GET", path, {"x-http-method-override": "POST"})
    assert (answer.status_code, answer.text) == (401, "")
    assert "www-authenticate" in answer.headers
    assert ran == RAN
    assert ask_wsgi(app, "GET", "/health").status_code == 200


@pytest.mark.parametrize("answered", ["SECRET", ("later", 429)])
def test_a_hook_that_is_named_may_refuse_and_not_answer(answered: Any, protect: Any):
    def answering() -> Any:
        return answered

    app = protect(having(lambda app: app.before_request(answering)), around_public=[answering])
    answer = ask_wsgi(app, "GET", "/health")
    assert (answer.status_code, answer.text) == ((401, "") if answered == "SECRET" else (429, "later"))
    assert RAN == []


def test_a_layer_that_is_named_may_refuse():
    app = wsgi_mw.Protect(put_around(Limiting), a_server(), around_public=[Limiting])
    assert ask_wsgi(app, "GET", "/health").text == "later"
    assert ask_wsgi(app, "GET", "/accounts").status_code == 401


def test_a_hook_that_changes_what_is_called_calls_nothing_else(protect: Any):
    def changing() -> None:
        rules = flask.current_app.url_map.iter_rules()
        flask.request.url_rule = next(rule for rule in rules if rule.rule == "/accounts")

    app = protect(having(lambda app: app.before_request(changing)), around_public=[changing])
    assert ask_wsgi(app, "GET", "/health").status_code == 401
    assert RAN == []


def test_what_does_not_show_where_it_leads_closes_what_is_public(caplog: pytest.LogCaptureFixture):
    inner = an_app()
    usual = inner.wsgi_app

    def hiding(environ: Any, start_response: Any) -> Any:
        RAN("hiding")
        return usual(environ, start_response)

    inner.wsgi_app = hiding  # type: ignore[method-assign]
    app = wsgi_mw.Protect(inner, a_server(), around_public=[hiding])
    assert ask_wsgi(app, "GET", "/health").status_code == 401
    assert RAN == []
    assert "hiding has no attribute app that shows what it calls" in caplog.text
    assert "closed without a token by" in str(wsgi_mw.audit(app))


# --- other applications beside the Flask app ---


def internal(environ: Any, start_response: Any) -> Any:
    RAN("internal")
    start_response("200 OK", [])
    return [b"SECRET"]


@pytest.fixture
def dispatched() -> flask.Flask:
    """A Flask app whose catch-all is public, an application of another kind beside it, and a Flask app."""
    app = flask.Flask("pages", static_folder=None)
    app.add_url_rule("/<path:name>", "page", public()(lambda name: name))
    app.add_url_rule("/accounts", "accounts", lambda: RAN("accounts"))
    mounts = {"/internal": internal, "/api": an_app()}
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)  # type: ignore[method-assign]
    return app


@pytest.mark.parametrize("named", [[], [DispatcherMiddleware], [internal], [Rewriting]])
def test_what_a_dispatcher_chooses_is_judged_by_itself(dispatched: flask.Flask, named: Any):
    app = wsgi_mw.Protect(dispatched, a_server(), around_public=named)
    for path in ("/internal", "/internal/users", "/internal/", "/api/accounts", "/accounts", "/api/nowhere"):
        for method in ("GET", "POST", "OPTIONS"):
            assert ask_wsgi(app, method, path).status_code == 401
            assert ask_wsgi(app, method, path, PREFLIGHT).status_code == 401
    assert RAN == []
    assert ask_wsgi(app, "GET", "/anything").text == "anything"
    assert ask_wsgi(app, "GET", "/api/health").text == "up"
    assert ask_wsgi(app, "GET", "/internal/users", WITH_TOKEN).text == "SECRET"
    listed = {route.path: route.policy for route in wsgi_mw.audit(app)}
    assert (listed["/internal"], listed["/<path:name>"], listed["/api/health"]) == (None, "public", "public")


def test_a_layer_around_a_dispatcher_leads_to_nothing_else(dispatched: flask.Flask):
    class ToInternal(Layer):
        def changed(self, environ: Any) -> Any:
            return {**environ, "PATH_INFO": "/internal/users"}

    dispatched.wsgi_app = ToInternal(dispatched.wsgi_app)  # type: ignore[method-assign]
    app = wsgi_mw.Protect(dispatched, a_server(), around_public=[ToInternal])
    assert ask_wsgi(app, "GET", "/anything").status_code == 401
    assert RAN == ["ToInternal"]


def test_a_layer_around_a_dispatcher_leads_not_to_what_it_falls_back_to():
    class ToTheRest(Layer):
        def changed(self, environ: Any) -> Any:
            return {**environ, "PATH_INFO": "/rest"}

    inner = ToTheRest(DispatcherMiddleware(internal, {"/api": an_app()}))
    app = wsgi_mw.Protect(inner, a_server(), around_public=[ToTheRest])
    assert ask_wsgi(app, "GET", "/api/health").status_code == 401
    assert RAN == ["ToTheRest"]


def test_the_audit_says_what_is_outside():
    app = an_app()
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server())  # type: ignore[method-assign]
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    table = wsgi_mw.audit(app)
    assert table.outside == ("werkzeug.middleware.proxy_fix.ProxyFix",)
    assert "outside, for everybody: werkzeug" in str(table)
    assert {route.path: route.policy for route in table}["/health"] == "public"


def test_the_views_of_a_class_are_public_only_by_their_own_mark():
    @public()
    class Open(MethodView):
        def get(self) -> str:
            RAN("Open")
            return "open"

    app = flask.Flask("api", static_folder=None)
    app.add_url_rule("/class", view_func=Open.as_view("class"))
    app.add_url_rule("/view", view_func=public()(Open.as_view("view")))
    protected = wsgi_mw.Protect(app, a_server())
    assert [ask_wsgi(protected, "GET", path).status_code for path in ("/class", "/view")] == [401, 200]
