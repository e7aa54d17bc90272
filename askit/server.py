"""The authorization server: an ASGI app over one configuration and one store.

Where is ...? An endpoint: `routes`, then `endpoints/`. A grant: `grants/`. How a client is recognised: `client_check/`.
What the user is shown: `consent` and `pages/`. What is remembered: `records`. This class holds what they share, and
gives each outgoing message its last form in one method each.

Spec: RFC 6749; RFC 8414; FAPI2-SP 5.3.2; FAPI2-MS 5.3.1, 5.4.1, 5.5.1
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from askit.clients.client import Client, Clients
from askit.clients.keys import FETCHED, PublicHttp
from askit.config.settings import Config
from askit.endpoints.metadata import build_metadata
from askit.errors import InvalidScope, InvalidTarget
from askit.issuing import response_modes
from askit.issuing.keys import ServerKeys
from askit.pages import Pages
from askit.records import PushedRequest, Records
from askit.routes import build_routes
from askit.users.users import Users
from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.dpop import NonceIssuer
from fapikit.errors import FapiError
from fapikit.flow import Flow
from fapikit.io import AsyncDriver, HttpSettings
from fapikit.jose.purposes import Purpose
from fapikit.jose.sign import sign_jwt
from fapikit.stores import MemoryStore, Seal, SealedStore, Store, store_from_url

T = TypeVar("T")

_SIGNED_FOR_CLIENTS: Final = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "userinfo_signed_response_alg",
    "introspection_signed_response_alg",
)

_SECURITY_HEADERS = (
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_INTERACTION_ID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class AuthorizationServer:
    """One issuer. `store` and `clock` are handed in by tests; without a store, the configuration names it."""

    response_types = frozenset({"code"})
    response_modes = response_modes.RESPONSE_MODES

    def __init__(
        self,
        config: Config,
        *,
        store: Store | None = None,
        http: HttpSettings | None = None,
        clock: Clock = system_clock,
        random_bytes: RandomBytes = system_random,
    ) -> None:
        self.config = config
        self.profile = config.profile
        self.clock = clock
        self.random_bytes = random_bytes
        self._own_store = store is None
        self.records = Records(_store(config, clock) if store is None else store, config.issuer)
        self.clients = Clients(
            config.clients,
            self.records,
            profile=config.profile,
            clock=clock,
            public_only=not config.development_only,
        )
        self.users = Users(config.users, self.records)
        self.keys = ServerKeys(
            self.records,
            clock=clock,
            random_bytes=random_bytes,
            default_alg=config.signing_alg,
            fixed=config.signing_jwks,
            rotate_after=config.rotate_keys_after,
            retire_after=config.access_token_lifetime + 3600,
        )
        parts = urlsplit(config.issuer)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path.rstrip("/")
        self.pages = Pages(name=config.name, path=self._path)
        self._driver = AsyncDriver(http if config.development_only else _public_http(http, config))
        # A slash too many is not found: Starlette would redirect by 307, to the host that the Host header names.
        self._router = Router(routes=build_routes(self, self._path), redirect_slashes=False)

    # What the endpoints share.

    async def run(self, flow: Flow[T]) -> T:
        """Run a shared flow. Raises what it raises."""
        return await self._driver.run(flow)

    def url(self, path: str) -> str:
        """The public URL of a path: from the configuration, never from the request's Host."""
        return self._origin + path

    def endpoint(self, name: str) -> str:
        return f"{self._origin}{self._path}/{name}"

    @property
    def signing_algorithms(self) -> frozenset[str]:
        """What this server can sign with."""
        if self.config.signing_jwks is None:
            return self.profile.signing_algorithms
        return frozenset(str(key.get("alg")) for key in self.config.signing_jwks["keys"]) | {
            self.config.signing_alg
        }

    def require_scopes(self, scopes: Iterable[str], client: Client) -> None:
        """Raise InvalidScope for one that is unknown or not this client's."""
        known = self.config.known_scopes
        for scope in scopes:
            if scope not in known or (client.scopes is not None and scope not in client.scopes):
                raise InvalidScope("a scope is unknown, or not this client's", facts={"scope": scope[:80]})

    def require_resource(self, uri: str) -> None:
        """Raise InvalidTarget unless this is one of the APIs."""
        if self.config.resource(uri) is None:
            raise InvalidTarget("this resource is unknown here", facts={"resource": uri[:200]})

    # Where each outgoing message takes its last form. A test harness may override these, nothing else does.

    async def sign(self, claims: Mapping[str, Any], purpose: Purpose, alg: str | None = None) -> str:
        """Every JWT this server makes. Raises StoreError, ConfigurationError."""
        return await self.run(sign_jwt(claims, purpose, await self.keys.signer(alg)))

    def metadata(self) -> dict[str, Any]:
        return build_metadata(self)

    async def jwks(self) -> dict[str, Any]:
        return await self.keys.jwks()

    def token_body(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def userinfo_body(self, claims: dict[str, Any]) -> dict[str, Any]:
        return claims

    def introspection_body(self, members: dict[str, Any]) -> dict[str, Any]:
        return members

    def send_response(
        self, request: PushedRequest, transport: str, parameters: Mapping[str, str]
    ) -> Response:
        """The authorization response, its parameters complete."""
        return response_modes.render_response(self, request, transport, parameters)

    async def nonces(self) -> NonceIssuer | None:
        """Who issues the nonces that DPoP proofs must carry; None: none is asked for."""
        return await self.keys.nonces() if self.config.dpop_nonces else None

    async def nonce_header(self) -> dict[str, str]:
        """The nonce for the client's next proof (RFC 9449 8.2)."""
        nonces = await self.nonces()
        return {} if nonces is None else {"dpop-nonce": nonces.issue(self.clock())}

    # ASGI.

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

        # Mounted under the issuer's path, the routes still count from the root.
        await self._router({**scope, "root_path": ""}, receive, send_with_headers)

    async def start(self) -> None:
        """Make sure that the store answers and every key a client needs is there and published. Raises FapiError."""
        await self.keys.secret()
        wanted = {self.config.signing_alg}
        for client in self.config.clients:
            wanted |= {alg for name in _SIGNED_FOR_CLIENTS if (alg := client.alg(name)) is not None}
        for alg in sorted(wanted):
            await self.keys.signer(alg)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except FapiError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._driver.aclose()
                if self._own_store and hasattr(self.records.store, "aclose"):
                    await self.records.store.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _public_http(http: HttpSettings | None, config: Config) -> HttpSettings:
    """Whoever wrote the configuration vouches for the addresses in it."""
    vouched_for = frozenset(
        client.metadata[name] for client in config.clients for name in FETCHED if name in client.metadata
    )
    own = http or HttpSettings()
    return PublicHttp(tls=own.tls, proxy=own.proxy, async_client=own.async_client, vouched_for=vouched_for)


def _store(config: Config, clock: Clock) -> Store:
    inner = MemoryStore(clock=clock) if config.store == "memory:" else store_from_url(config.store)
    return SealedStore(inner, Seal(config.store_seal)) if config.store_seal else inner
