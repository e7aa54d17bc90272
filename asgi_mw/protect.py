"""The outer layer of an ASGI app: nothing passes without a token that holds, save what is `public()`.

Put it outside of everything that answers, or inside of CORS handling only. It serves the resource's metadata, renders
every refusal itself, and refuses websockets before they are accepted.

Spec: FAPI2-SP 5.3.4; RFC 6750 3; RFC 9449 8.2; RFC 9728 3.1; FAPI1-BL 6.2.1-11, 6.2.1-14 (RS-16, RS-19, RS-20)
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable

from asgi_mw.guard import Guard
from asgi_mw.routes import NOBODY, find_endpoint, is_public
from asgi_mw.stranger import STRANGER
from asgi_mw.view import ASGIApp, Receive, Scope, Send, header_of, view_of
from fapikit.flow import background
from fapikit.urls import origin_of
from rskit.decision import Allow, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.policy.admission import KEY, Admission
from rskit.policy.current import CURRENT
from rskit.policy.wiring import require_wiring
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer


class Protect:
    """`Protect(app, resource_server)`, or `app.add_middleware(Protect, resource_server=...)`.

    `websocket_origins`: pages whose scripts may open websockets; the resource's own origin by default. A websocket
    opened by no browser has no Origin and needs none.
    """

    def __init__(
        self,
        app: ASGIApp,
        resource_server: ResourceServer,
        *,
        websocket_origins: Collection[str] | None = None,
    ) -> None:
        require_wiring(app, resource_server)
        self._app = app
        self._server = resource_server
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
        server = self._server
        view = view_of(scope, server.interaction_id)
        admission = Admission(server, view, None)
        guard = Guard(admission, scope, receive, send)
        if kind == "websocket" or view.path == server.metadata_path:
            own = self._own_answer(scope, view)
            if own is not None:
                await guard.send_answer(*own)
                return
        decision = server.check(view)
        if type(decision) is Allow:  # the common case, told without a closer look
            admission.token = scope["auth"] = scope["user"] = decision.token
        else:
            if isinstance(decision, Generator):
                decision = await server.async_driver.run(decision)
            refusal = self._admit(decision, scope, view, guard)
            if refusal is not None:
                await guard.send_refusal(refusal)
                return
        scope[KEY] = admission
        before = CURRENT.set(admission)
        try:
            await self._app(scope, guard.receive, guard.send)
        except Exception:
            if guard.ended or guard.has_refused:
                return  # the stream was cut under the app's feet, or its error page was replaced
            if admission.refusal is None or admission.started:
                raise
            await guard.send_refusal(admission.refusal)
        finally:
            guard.close()
            admission.over = True
            CURRENT.reset(before)

    def _own_answer(
        self, scope: Scope, view: RequestView
    ) -> tuple[int, Iterable[tuple[str, str]], bytes] | None:
        """What is answered whatever token comes: the metadata, and a websocket that a stranger's page opens."""
        if scope["type"] == "websocket":
            return None if self._is_welcome(scope) else (403, (("content-length", "0"),), b"")
        if view.method in ("GET", "HEAD"):
            return 200, self._server.metadata_headers(), self._server.metadata
        return None

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            raise RuntimeError(f"no rule for the ASGI protocol {scope['type']!r}: it is not let through")
        # Keys are fetched while the app starts; should that fail, the first request tries again.
        await self._server.async_driver.run(background("rs-warm", self._server.warm))
        try:
            await self._app(scope, receive, send)
        finally:
            await self._server.async_driver.aclose()

    def _admit(self, decision: Decision, scope: Scope, view: RequestView, guard: Guard) -> Refusal | None:
        """None for a request that passes to the app."""
        if isinstance(decision, Allow):
            guard.admission.token = scope["auth"] = scope["user"] = decision.token
            return None
        if not (self._is_open(decision, scope, view, guard) or self._server.excuses(decision, view, None)):
            return decision
        scope.setdefault("auth", STRANGER)  # unless a layer further out knows who this is
        scope.setdefault("user", STRANGER)
        return None

    def _is_open(self, refusal: Refusal, scope: Scope, view: RequestView, guard: Guard) -> bool:
        if not isinstance(refusal.error, NoCredentials):
            return False
        endpoint = find_endpoint(self._app, scope)
        if is_public(endpoint):
            guard.public = endpoint
            return True
        return endpoint is NOBODY and _is_preflight(view, scope)

    def _is_welcome(self, scope: Scope) -> bool:
        origin = header_of(scope, b"origin")
        return origin is None or origin in self._origins


def _is_preflight(view: RequestView, scope: Scope) -> bool:
    """A CORS preflight; where no endpoint takes it as a request of its own, CORS handling further in will answer."""
    return (
        view.method == "OPTIONS"
        and header_of(scope, b"origin") is not None
        and header_of(scope, b"access-control-request-method") is not None
    )
