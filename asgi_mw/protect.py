"""The outer layer of an ASGI app: nothing passes without a token that holds, save what is `public()`.

Put it outside of everything that answers, or inside of CORS handling only. It serves the resource's metadata, renders
every refusal itself, and refuses websockets before they are accepted.

Spec: FAPI2-SP 5.3.4; RFC 6750 3; RFC 9449 8.2; RFC 9728 3.1; FAPI1-BL 6.2.1-11 (RS-16, RS-19, RS-20)
Role: RS
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from asgi_mw.routes import find_endpoint, is_public
from asgi_mw.view import ASGIApp, Message, Receive, Scope, Send, view_of
from rskit.admission import KEY, Admission
from rskit.challenge import headers_of
from rskit.decision import Allow, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer


class Protect:
    """`Protect(app, resource_server)`, or `app.add_middleware(Protect, resource_server=...)`."""

    def __init__(self, app: ASGIApp, resource_server: ResourceServer) -> None:
        self._app = app
        self._server = resource_server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._app(scope, receive, send)
        else:
            raise RuntimeError(f"no rule for the ASGI protocol {kind!r}: it is not let through")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = view_of(scope)
        if view.path == self._server.metadata_path and view.method in ("GET", "HEAD"):
            await _send_metadata(self._server, view, send)
            return
        decision = self._server.check(view)
        if isinstance(decision, Generator):
            decision = await self._server.async_driver.run(decision)
        guard = Guard(self._server, view, scope, send)
        if not self._passes(decision, scope, view, guard):
            await guard.send_refusal(decision)  # type: ignore[arg-type]
            return
        try:
            await self._app(scope, receive, guard.send)
        except Exception:
            if guard.admission.refusal is None or guard.started:
                raise
            await guard.send_refusal(guard.admission.refusal)

    def _passes(self, decision: Decision, scope: Scope, view: RequestView, guard: Guard) -> bool:
        if type(decision) is Allow:
            guard.admission.token = scope["auth"] = decision.token
        else:
            if not isinstance(decision, Refusal) or not isinstance(decision.error, NoCredentials):
                return False
            guard.public = find_endpoint(self._app, scope)
            if not is_public(guard.public) and not _is_preflight(view, scope, guard.public):
                return False
        scope[KEY] = guard.admission
        return True

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = view_of(scope)
        decision = self._server.check(view)
        if isinstance(decision, Generator):
            decision = await self._server.async_driver.run(decision)
        guard = Guard(self._server, view, scope, send)
        if not self._passes(decision, scope, view, guard):
            await receive()  # websocket.connect
            await guard.send_refusal(decision)  # type: ignore[arg-type]
            return
        await self._app(scope, receive, guard.send)


class Guard:
    """One request on its way: completes the response's headers, or puts a refusal in its place."""

    __slots__ = ("_scope", "_send", "_server", "admission", "public", "started")

    def __init__(self, server: ResourceServer, view: RequestView, scope: Scope, send: Send) -> None:
        self.admission = Admission(server, view, None)
        self.public: Any = None
        self.started = False
        self._server = server
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.accept", "websocket.close") and not self.started:
            refusal = self.admission.refusal or self._strayed()
            if refusal is not None:
                await self.send_refusal(refusal)
                return
            self.started = True
            if kind != "websocket.close":
                message = {**message, "headers": [*message.get("headers", ()), *self._additions()]}
        elif self.admission.refusal is not None:
            return  # the rest of an answer that was replaced
        await self._send(message)

    async def send_refusal(self, refusal: Refusal) -> None:
        self.admission.refusal = refusal
        self.started = True
        kind = "http.response"
        if self._scope["type"] == "websocket":
            if "websocket.http.response" not in self._scope.get("extensions", ()):
                await self._send({"type": "websocket.close", "code": 1008})
                return
            kind = "websocket.http.response"
        headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers_of(refusal)]
        headers += self._additions(nonce=False)
        await self._send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
        body = b"" if self._scope.get("method") == "HEAD" else refusal.body
        await self._send({"type": f"{kind}.body", "body": body})

    def _additions(self, *, nonce: bool = True) -> list[tuple[bytes, bytes]]:
        extra = self._server.response_headers(self.admission.view, nonce=nonce)
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in extra]

    def _strayed(self) -> Refusal | None:
        """A request let through to one public endpoint may not be answered by another that is not."""
        if self.public is None:
            return None
        answering = self._scope.get("endpoint", self.public)
        if answering is self.public or is_public(answering) or self.admission.token is not None:
            return None
        return self.admission.refuse(NoCredentials("no access token came with the request"))


def _is_preflight(view: RequestView, scope: Scope, endpoint: Any) -> bool:
    """A CORS preflight that no endpoint of the application would take as a request of its own."""
    if view.method != "OPTIONS" or endpoint is not None or not hasattr(scope.get("app"), "routes"):
        return False
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names


async def _send_metadata(server: ResourceServer, view: RequestView, send: Send) -> None:
    headers = [(n.encode("ascii"), v.encode("ascii")) for n, v in server.metadata_headers()]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if view.method == "HEAD" else server.metadata})
