"""The outer layer of a WSGI app: no request passes without a valid token, unless its view is `public()`.

Without a token only the public view runs, and the code around it that is named. Protect serves the resource's metadata,
answers preflights, and renders every refusal itself.

Spec: FAPI2-SP 5.3.4; RFC 6750 3; RFC 9449 8.2; RFC 9728 3.1; FAPI1-BL 6.2.1-11 (RS-16, RS-19, RS-20)
Role: RS
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Iterable
from typing import Any

from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow
from rskit.access import ACCESS_MARK, Access
from rskit.answers.cors import Cors, preflight_of_metadata
from rskit.answers.trace import LOGGER
from rskit.decision import Allow, CannotDecide, Challenge, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.health import several_processes
from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.checked_request import KEY, TOKEN_KEY, CheckedRequest
from rskit.policy.current import CURRENT
from rskit.policy.middleware_arguments import require_middleware_arguments
from rskit.policy.misplaced_access import require_rules_in_force
from rskit.policy.processes import require_known_processes
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from wsgi_mw.gate import WSGIApp
from wsgi_mw.guard import Guard, status_line
from wsgi_mw.signed_messages import SignedMessagesLayer
from wsgi_mw.view import Environ, view_of, with_forwarded


class Protect:
    """`app.wsgi_app = Protect(app.wsgi_app, resource_server)`, or `Protect(app, resource_server)`.

    `around_public`: application code that may run around a public view without a token: WSGI middleware, functions of
    `before_request` and similar hooks, error handlers, receivers of signals; each as an object or by its dotted name.
    `public_routes`: the paths, as the audit lists them, of routes that are public without a mark. `cors`: which pages
    of other origins may call; without it no preflight is answered.
    """

    def __init__(
        self,
        app: WSGIApp,
        resource_server: ResourceServer,
        *,
        around_public: Collection[object] = (),
        public_routes: Collection[str] = (),
        cors: Cors | None = None,
    ) -> None:
        require_middleware_arguments(app, resource_server)
        require_known_processes(resource_server)
        self.public_access = PublicAccess(around_public, public_routes, cors)
        self._app = app
        signed = resource_server.messages
        self._run = app if signed is None else SignedMessagesLayer(app, signed)
        self._server = resource_server
        self._cors = cors
        self._guard: type[Guard] = Guard
        checks = resource_server.http_signatures
        if checks is not None:
            from wsgi_mw.http_signatures import CheckedApp, SigningGuard

            self._run = CheckedApp(app, checks)
            self._guard = SigningGuard if checks.signs_answers else Guard
        self._run_examined, self._run = self._run, self._run_first

    @property
    def inner(self) -> WSGIApp:
        """The application that this protects."""
        return self._app

    @property
    def resource(self) -> str:
        return self._server.resource

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        server = self._server
        view = view_of(environ, server.interaction_id, server.forwarded.environ_keys)
        if view.path.endswith(server.metadata_path) or (view.cross_origin and view.method == "OPTIONS"):
            own = self._own_answer(environ, view, start_response)
            if own is not None:
                return own
        checked = CheckedRequest(server, view, None)
        guard = self._guard(checked, environ, start_response, self._cors)
        if server.one_process and environ.get("wsgi.multiprocess"):
            return guard.send_refusal(server.refuse(several_processes(), view, None))
        del view  # error trackers show the variables of each frame that an exception passes
        refused = self._forwarded_refusal(environ, checked) if checked.view.forwarded else None
        decision: Decision | Flow[Decision] = refused or server.check(checked.view)
        if not isinstance(decision, Allow) and isinstance(decision, Generator):
            decision = server.sync_driver.run(decision)
        if isinstance(decision, Allow):
            checked.token = environ[TOKEN_KEY] = decision.token
        elif isinstance(decision, Refusal):
            if not self._is_admitted(decision, environ, guard):
                return guard.send_refusal(decision)
            checked = guard.checked
        environ[KEY] = checked
        before = CURRENT.set(checked)
        try:
            answer = self._run(environ, guard.start_response)
        except Exception:
            if checked.refusal is None or checked.started:
                raise
            return guard.send_refusal(checked.refusal)
        finally:
            CURRENT.reset(before)
        return guard.body(answer)

    def _forwarded_refusal(
        self, environ: Environ, checked: CheckedRequest
    ) -> Challenge | CannotDecide | None:
        """Read what a proxy forwarded with the request. Returns the refusal if that is not acceptable."""
        server = checked.server
        try:
            checked.view = with_forwarded(environ, checked.view, server.forwarded)
        except FapiError as error:
            return server.refuse(error, checked.view, None)
        return None

    def _is_admitted(self, refusal: Refusal, environ: Environ, guard: Guard) -> bool:
        view = guard.checked.view
        way = self._find_way(environ) if isinstance(refusal.error, NoCredentials) else None
        if way is not None and self.public_access.allows(way):
            guard.checked = AnonymousRequest(self._server, view, way, self.public_access)
            return True
        return self._server.excuses(refusal, view, None)

    def _run_first(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The first request that passes. Raises ConfigurationError if a route of Flask leaves out its rule."""
        if "flask" in sys.modules:
            from wsgi_mw.flask_way import all_ways

            try:
                require_rules_in_force(all_ways(self._app, self.public_access), has_rule)
            except ConfigurationError as error:
                LOGGER.critical("%s: %s", self._server.resource, error)
                raise
        self._run = self._run_examined
        return self._run(environ, start_response)

    def _find_way(self, environ: Environ) -> Way | None:
        if "flask" not in sys.modules:
            return None  # the application is not of Flask, so nothing is known about its inside
        from wsgi_mw.flask_way import find_way

        return find_way(self._app, environ, self.public_access)

    def _own_answer(
        self, environ: Environ, view: RequestView, start_response: Callable[..., Any]
    ) -> list[bytes] | None:
        """The answers that need no token: the metadata, and a preflight."""
        server = self._server
        is_metadata = server.is_metadata(view.path, environ.get("SCRIPT_NAME", ""))
        if is_metadata and view.method in ("GET", "HEAD"):
            start_response(status_line(200), list(server.metadata_headers()))
            return [b"" if view.method == "HEAD" else server.metadata]
        if view.method != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ:
            return None
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            return None
        if is_metadata:
            status, headers = preflight_of_metadata(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"))
        elif self._cors is not None:
            status, headers = self._cors.preflight(origin)
        else:
            self.public_access.warn_of_preflight(origin)
            return None
        start_response(status_line(status), [*headers, *server.response_headers(view, nonce=False)])
        return [b""]


def has_rule(way: Way) -> bool:
    """Whether the view is public, or applies an Access."""
    return way.public or isinstance(getattr(way.endpoint, ACCESS_MARK, None), Access)
