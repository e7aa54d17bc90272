"""The authorization server: an ASGI app over one configuration and one store.

Where is ...? An endpoint: `routes`, then `endpoints/`. A grant: `grants/`. Client authentication: `client_check/`.
What they share: `core`. What is stored: `records`, and how: `record_store`.

Spec: RFC 8414; FAPI2-SP 5.3.2; FAPI1-BL 7.1b
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from askit.browser_origins import is_open, readable
from askit.config.settings import Config
from askit.core import Core
from askit.decoupled.delivery import deliver_anew
from askit.endpoints.metadata import build_metadata
from askit.errors import Refused
from askit.requests.bounds import bounded, require_small_head
from askit.routes import build_routes, no_route
from askit.signals.push import is_queue, push_anew
from askit.wire_errors import error_answer, log_refusal
from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.errors import FapiError, StoreForgot, UnfitStore
from fapikit.io import HttpSettings
from fapikit.jose.signer import Signer
from fapikit.stores import Store

_SECURITY_HEADERS: Final = (
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_INTERACTION_ID: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


async def _deliver_anew(core: Core, name: str) -> bool:
    """What the outbox says is overdue: a queue of events, or the notice of a decision."""
    return await (push_anew if is_queue(name) else deliver_anew)(core, name)


class AuthorizationServer:
    """One issuer. Tests may pass `store` and `clock`. Without `store`, the one in the configuration is used.

    `signers` sign what this server issues, such as keys in a KMS: the first of each algorithm signs, all are published.
    `core` holds what the endpoints share. A subclass may use another `core_type`, as the pytest plugin does.
    """

    core_type: type[Core] = Core

    def __init__(
        self,
        config: Config,
        *,
        store: Store | None = None,
        http: HttpSettings | None = None,
        signers: Sequence[Signer] = (),
        clock: Clock = system_clock,
        random_bytes: RandomBytes = system_random,
    ) -> None:
        self.core = self.core_type(
            config, store=store, http=http, signers=signers, clock=clock, random_bytes=random_bytes
        )
        self.core.due_notices.attach(partial(_deliver_anew, self.core))
        # An extra slash is not found. Starlette would redirect with 307, to the host in the Host header.
        routes = build_routes(self.core)
        self._router = Router(routes=routes, redirect_slashes=False)
        self._open_paths = frozenset(route.path for route in routes if is_open(route))

    @property
    def config(self) -> Config:
        return self.core.config

    async def start(self) -> None:
        """Check that the store is reliable, and that every key that a client needs exists and is published.

        Raises FapiError: UnfitStore for a store that would forget valid records.
        """
        await self.core.start()

    def url(self, path: str) -> str:
        """The public URL of a path. It comes from the configuration, never from the request's Host."""
        return self.core.url(path)

    def endpoint(self, name: str) -> str:
        """The public URL of an endpoint, such as `token` or `par`."""
        return self.core.endpoint(name)

    def metadata(self) -> dict[str, Any]:
        """The metadata document that clients read (RFC 8414)."""
        return self.core.metadata_body(build_metadata(self.core))

    async def jwks(self) -> dict[str, Any]:
        """The public keys that clients read. Raises StoreError."""
        return await self.core.jwks()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return

        own = list(_SECURITY_HEADERS)
        interaction = dict(scope["headers"]).get(b"x-fapi-interaction-id", b"")
        if _INTERACTION_ID.fullmatch(interaction):
            own.append((b"x-fapi-interaction-id", interaction))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        try:
            require_small_head(scope, self.config.limits)
        except Refused as error:
            log_refusal(error, "a request's head", self.core.log)
            answer: ASGIApp = error_answer(error)
            if scope["path"] in self._open_paths:
                answer = readable(answer, self.config.origins_let_in)
            await answer(scope, receive, send_with_headers)
            return
        # Mounted under the issuer's path, the routes still count from the root.
        within = bounded(receive, self.config.limits)
        # With an `app` in the scope, Starlette raises where no route fits, instead of answering in plain text.
        scope = {**scope, "root_path": "", "app": self}
        try:
            await self._router(scope, within, send_with_headers)
        except HTTPException as unrouted:
            refusal = await no_route(self.core, Request(scope, within), unrouted.status_code)
            refusal.headers.update(unrouted.headers or {})
            await refusal(scope, within, send_with_headers)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except (UnfitStore, StoreForgot) as error:
                    # Not a reason to go: once the store can be relied on, it is.
                    log_refusal(
                        error, "starting; until this changes, whatever needs the store", self.core.log
                    )
                except FapiError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.core.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
