"""In front of a router inside an ASGI app: stops a request without a token from reaching any but the found endpoint.

Protect puts a gate in front of each router on the way to a public endpoint. The gate checks what the layers before it
have made of the request. It runs after all of them and before any endpoint.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgi_mw.stream import POLICY_VIOLATION
from asgi_mw.view import ASGIApp, Receive, Scope, Send
from rskit.policy.anonymous_request import AnonymousRequest, anonymous_request_in
from rskit.policy.checked_request import KEY
from rskit.policy.way import Way

Find = Callable[[Any, Scope, AnonymousRequest], Way | None]
"""Takes a router and a request as it arrived there; returns the way to what would answer."""


class Gate:
    """`app`: the router's own application."""

    __slots__ = ("_find", "app", "router")

    def __init__(self, app: ASGIApp, router: Any, find: Find) -> None:
        self.app = app
        self.router = router
        self._find = find

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        checked = scope.get(KEY)
        if checked is None or type(checked) is AnonymousRequest:
            anonymous = anonymous_request_in(checked)
            if anonymous is not None:
                return self._pass(anonymous, scope, receive, send)
        return self.app(scope, receive, send)

    async def _pass(self, anonymous: AnonymousRequest, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(self.router, scope, anonymous)
        if anonymous.passes(found, last=found is not None and found.gates == 1):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:  # any answer will do: Protect sends the refusal instead
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
