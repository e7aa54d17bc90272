"""The outer layer of an ASGI app: no request passes without a valid token, unless its endpoint is `public()`.

Without a token only the public endpoint runs, and the code around it that is named. Protect serves the resource's
metadata, answers preflights, renders every refusal itself, and refuses websockets before they are accepted.

Spec: FAPI2-SP 5.3.4; RFC 6750 3; RFC 9449 8.2; RFC 9728 3.1; FAPI1-BL 6.2.1-11, 6.2.1-14 (RS-16, RS-19, RS-20)
Role: RS
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator, Iterable

from asgi_mw.anonymous_user import ANONYMOUS_USER
from asgi_mw.guard import Guard
from asgi_mw.recognised import recognise
from asgi_mw.route_rules import has_rule
from asgi_mw.signed_messages import SignedMessagesLayer
from asgi_mw.view import (
    READ,
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    header_of,
    view_of,
    with_forwarded,
)
from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow, background
from fapikit.urls import origin_of
from rskit.answers.cors import Cors, preflight_of_metadata
from rskit.answers.trace import LOGGER
from rskit.decision import Allow, CannotDecide, Challenge, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.policy.current import CURRENT
from rskit.policy.middleware_arguments import require_middleware_arguments
from rskit.policy.misplaced_access import require_rules_in_force
from rskit.policy.processes import refusal_under_uvicorn, require_known_processes
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer


class Protect:
    """`Protect(app, resource_server)`, or `app.add_middleware(Protect, resource_server=...)`.

    `around_public`: application code that may run around a public endpoint without a token: middleware classes,
    functions given to `app.middleware("http")`, exception handlers, dependencies of routers; each as an object or by
    its dotted name. `public_routes`: the paths, as the audit lists them, of routes that are public without a mark.
    `cors`: which pages of other origins may call; without it no preflight is answered. `websocket_origins`: pages whose
    scripts may open websockets; by default the resource's own origin. A client that is not a browser sends no Origin
    and needs none.
    """

    def __init__(
        self,
        app: ASGIApp,
        resource_server: ResourceServer,
        *,
        around_public: Collection[object] = (),
        public_routes: Collection[str] = (),
        cors: Cors | None = None,
        websocket_origins: Collection[str] | None = None,
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
            from asgi_mw.http_signatures import CheckedApp, SigningGuard

            self._run = CheckedApp(app, checks)
            self._guard = SigningGuard if checks.signs_answers else Guard
        self._run_examined, self._run = self._run, self._run_first
        self._names = READ | resource_server.forwarded.octet_names
        self._own_path = resource_server.metadata_path.encode()
        own = (origin_of(resource_server.resource),)
        self._origins = frozenset(own if websocket_origins is None else websocket_origins)

    @property
    def inner(self) -> ASGIApp:
        """The application that this protects."""
        return self._app

    @property
    def resource(self) -> str:
        return self._server.resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            await self._lifespan(scope, receive, send)
            return
        # The common case first.
        recognised = recognise(self._server, scope, self._names, self._own_path) if kind == "http" else None
        guard: Guard | None
        if recognised is not None:
            guard = self._guard(recognised, scope, receive, send, self._cors)
            scope["auth"] = scope["user"] = recognised.token
        else:
            guard = await self._check(scope, receive, send)
            if guard is None:
                return
        checked = scope[KEY] = guard.checked
        before = CURRENT.set(checked)
        try:
            await self._run(scope, guard.receive, guard.send)
        except Exception:
            if guard.ended or guard.has_refused:
                return  # the stream was cut while the app ran, or its error page was replaced
            if checked.refusal is None or checked.started:
                raise
            await guard.send_refusal(checked.refusal)
        finally:
            if guard.stream is not None:
                guard.stream.close()
            checked.over = True
            CURRENT.reset(before)

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> Guard | None:
        """The guard of a request that may pass; None if it has been answered."""
        server = self._server
        view = view_of(scope, server.interaction_id, self._names)
        checked = CheckedRequest(server, view, None)
        guard = self._guard(checked, scope, receive, send, self._cors)
        if (
            scope["type"] == "websocket"
            or view.path.endswith(server.metadata_path)
            or (view.cross_origin and view.method == "OPTIONS")
        ):
            own = self._own_answer(scope, view)
            if own is not None:
                del view
                await guard.send_answer(*own)
                return None
        del view  # error trackers show the variables of each frame that an exception passes
        refused = self._forwarded_refusal(scope, checked) if checked.view.forwarded else None
        decision: Decision | Flow[Decision] = refused or server.check(checked.view)
        if not isinstance(decision, Allow) and isinstance(decision, Generator):
            decision = await server.async_driver.run(decision)
        if isinstance(decision, Allow):
            checked.token = scope["auth"] = scope["user"] = decision.token
        else:
            refusal = self._admit(decision, scope, guard)
            if refusal is not None:
                await guard.send_refusal(refusal)
                return None
        return guard

    def _forwarded_refusal(self, scope: Scope, checked: CheckedRequest) -> Challenge | CannotDecide | None:
        """Read what a proxy forwarded with the request. Returns the refusal if that is not acceptable."""
        server = checked.server
        try:
            checked.view = with_forwarded(scope, checked.view, server.forwarded)
        except FapiError as error:
            return server.refuse(error, checked.view, None)
        return None

    def _own_answer(
        self, scope: Scope, view: RequestView
    ) -> tuple[int, Iterable[tuple[str, str]], bytes] | None:
        """The answers that need no token: metadata, a preflight, the refusal of a websocket of another origin."""
        if scope["type"] == "websocket":
            return None if self._may_open_websocket(scope) else (403, (("content-length", "0"),), b"")
        if view.method == "OPTIONS":
            return self._preflight(scope, view)
        if view.method in ("GET", "HEAD") and self._is_metadata(scope, view):
            return 200, self._server.metadata_headers(), self._server.metadata
        return None

    def _preflight(
        self, scope: Scope, view: RequestView
    ) -> tuple[int, Iterable[tuple[str, str]], bytes] | None:
        origin = header_of(scope, b"origin")
        if origin is None or header_of(scope, b"access-control-request-method") is None:
            return None
        if self._is_metadata(scope, view):
            return *preflight_of_metadata(header_of(scope, b"access-control-request-headers")), b""
        if self._cors is None:
            self.public_access.warn_of_preflight(origin)
            return None
        return *self._cors.preflight(origin), b""

    def _is_metadata(self, scope: Scope, view: RequestView) -> bool:
        return self._server.is_metadata(view.path, scope.get("root_path", ""))

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            raise RuntimeError(
                f"the ASGI protocol {scope['type']!r} is not known here: it is not let through"
            )
        refusal = refusal_under_uvicorn(self._server, receive)
        if refusal is not None:
            LOGGER.critical("%s: %s", self._server.resource, refusal)
            await receive()  # lifespan.startup
            await send({"type": "lifespan.startup.failed", "message": str(refusal)})
            return
        # Keys are fetched while the app starts. If that fails, the first request tries again.
        await self._server.async_driver.run(background("rs-warm", self._server.warm))

        async def send_and_report_closed(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                for way in self._examine_routes():
                    self.public_access.allows(way)
            await send(message)

        try:
            await self._app(scope, receive, send_and_report_closed)
        finally:
            await self._server.async_driver.aclose()

    async def _run_first(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The first request that passes. Not every server runs the lifespan, and no mount does."""
        self._examine_routes()
        await self._run(scope, receive, send)

    def _examine_routes(self) -> list[Way]:
        """All ways. Raises ConfigurationError, with a line in the log, for a route that leaves out its rule."""
        ways = list(self._all_ways())
        try:
            require_rules_in_force(ways, has_rule)
        except ConfigurationError as error:
            LOGGER.critical("%s: %s", self._server.resource, error)
            raise
        self._run = self._run_examined
        return ways

    def _admit(self, decision: Decision, scope: Scope, guard: Guard) -> Refusal | None:
        """None for a request that passes to the app, else the refusal."""
        view = guard.checked.view
        if isinstance(decision, Allow):
            guard.checked.token = scope["auth"] = scope["user"] = decision.token
            return None
        way = self._find_way(scope) if isinstance(decision.error, NoCredentials) else None
        if way is not None and self.public_access.allows(way):
            guard.checked = AnonymousRequest(self._server, view, way, self.public_access)
        elif not self._server.excuses(decision, view, None):
            return decision
        scope.setdefault("auth", ANONYMOUS_USER)  # unless a layer outside has set who this is
        scope.setdefault("user", ANONYMOUS_USER)
        return None

    def _find_way(self, scope: Scope) -> Way | None:
        if "starlette.applications" not in sys.modules:
            return None  # the application is not of Starlette, so nothing is known about its inside
        from asgi_mw.starlette_way import find_way

        return find_way(self._app, scope, self.public_access)

    def _all_ways(self) -> Iterable[Way]:
        if "starlette.applications" not in sys.modules:
            return ()
        from asgi_mw.starlette_way import all_ways

        return all_ways(self._app, self.public_access)

    def _may_open_websocket(self, scope: Scope) -> bool:
        origin = header_of(scope, b"origin")
        return origin is None or origin in self._origins
