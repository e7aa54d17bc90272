"""A server running in a thread of this process, on a free loopback port, on TLS.

Every face is there twice: sync, and `async_` to be awaited from any event loop.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import httpx
import uvicorn

from askit.__main__ import uvicorn_config
from askit.config.settings import Config
from askit.config.values import TlsFiles as ConfiguredTls
from askit.core import Core
from askit.issuing.tokens import token_claims
from askit.pytest_plugin.outages import resettable
from askit.pytest_plugin.throwaway_tls import make_tls_files
from askit.pytest_plugin.visitor import Callback, avisit, visit, walk
from askit.records import AccessToken
from askit.requests.authorization_details import enrich
from askit.server import AuthorizationServer
from askit.serving.server import BoundedServer
from fapikit.clock import Clock, system_clock
from fapikit.io import HttpSettings
from fapikit.io.tls import client_context
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.secrets import random_token

T = TypeVar("T")
S = TypeVar("S", bound=AuthorizationServer)

CLIENT_ID: Final = "test-client"
API_CLIENT_ID: Final = "test-api"
REDIRECT_URI: Final = "https://client.example.test/callback"
RESOURCE: Final = "https://api.example.test/"
DEFAULTS: Final[Mapping[str, Any]] = {
    "profile": "fapi2-security",
    "name": "Test Bank",
    "users": [
        {
            "username": "alice",
            "password": "wonderland",
            "claims": {"name": "Alice", "email": "alice@example.test"},
        }
    ],
    "resources": [
        {"uri": RESOURCE, "scopes": ["accounts", "payments"], "introspection_clients": [API_CLIENT_ID]}
    ],
    "authorization_details_types": [{"type": "payment_initiation", "resource": RESOURCE, "single_use": True}],
}
"""The settings of the server; the keys are those of the configuration file. Clients are added to `clients`."""

_DEADLINE: Final = 20.0


class RunningServer(Generic[S]):
    """A server that answers at `issuer`. `app` is the server itself, for a look inside."""

    def __init__(self, app: S, *, ca: Path, client_key: PrivateKey, api_key: PrivateKey) -> None:
        self.app = app
        self.issuer = app.config.issuer
        self.ca = ca
        self.client_id = CLIENT_ID
        self.client_key = client_key
        self.api_client_id = API_CLIENT_ID
        self.api_key = api_key
        self.redirect_uri = REDIRECT_URI
        self.loop: asyncio.AbstractEventLoop | None = None

    def http(self) -> HttpSettings:
        """What a client or an API needs to trust this server."""
        return HttpSettings(tls=client_context(ca=self.ca, profile=self.app.config.profile))

    # Tokens.

    def access_token(self, **arguments: Any) -> str:
        """A live access token; see `make_access_token` for the arguments."""
        return self._wait(make_access_token(self.app.core, **arguments))

    async def async_access_token(self, **arguments: Any) -> str:
        return await self._await(make_access_token(self.app.core, **arguments))

    # Logins.

    def browse(
        self, url: str, *, decision: str = "approve", username: str = "alice", password: str = "wonderland"
    ) -> Callback:
        """Walk from an authorization URL through login and consent to what the client receives."""
        with httpx.Client(verify=client_context(ca=self.ca), trust_env=False) as browser:
            return visit(browser, self._steps(url, username, password, decision))

    async def async_browse(
        self, url: str, *, decision: str = "approve", username: str = "alice", password: str = "wonderland"
    ) -> Callback:
        async with httpx.AsyncClient(verify=client_context(ca=self.ca), trust_env=False) as browser:
            return await avisit(browser, self._steps(url, username, password, decision))

    def signed_in(self, client: Any, *, resource: str | None = None, **request: Any) -> Any:
        """The Login of an `rpkit.Client`; `request` is what `begin` takes."""
        start = client.begin(**request)
        return client.complete(self.browse(start.url), start.transaction, **_only(resource=resource))

    async def async_signed_in(self, client: Any, *, resource: str | None = None, **request: Any) -> Any:
        """The Login of an `rpkit.AsyncClient`."""
        start = await client.begin(**request)
        callback = await self.async_browse(start.url)
        return await client.complete(callback, start.transaction, **_only(resource=resource))

    def _steps(self, url: str, username: str, password: str, decision: str) -> Any:
        return walk(url, issuer=self.issuer, username=username, password=password, decision=decision)

    # Work on the server's own loop.

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        assert self.loop is not None  # noqa: S101 - set before anybody has this object
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_DEADLINE)

    async def _await(self, work: Coroutine[Any, Any, T]) -> T:
        assert self.loop is not None  # noqa: S101
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))


async def make_access_token(
    core: Core,
    *,
    scope: str = "accounts",
    cnf: Mapping[str, str] | None = None,
    resource: str | None = None,
    sub: str = "alice",
    client_id: str = CLIENT_ID,
    lifetime: float | None = None,
    authorization_details: tuple[Mapping[str, Any], ...] = (),
    **claims: Any,
) -> str:
    """An access token as the server would issue it, remembered so that it introspects.

    `cnf` holds `jkt` for a DPoP-bound token. `claims` change the JWT, and None removes one. Details of a `single_use`
    type become part of a consent, as at a login, unless they name one.
    """
    chosen = core.config.resource(resource) if resource else core.config.resources[0]
    if chosen is None:
        raise ValueError(f"no resource of this server: {resource}")
    now = int(core.clock())
    lives = core.config.access_token_lifetime if lifetime is None else lifetime
    record = AccessToken(
        jti=random_token(core.random_bytes),
        client_id=client_id,
        sub=sub,
        scopes=tuple(scope.split()),
        audience=chosen.uri,
        issued_at=now,
        expires_at=int(now + lives),
        authorization_details=tuple(_consented(core, detail) for detail in authorization_details),
        jkt=(cnf or {}).get("jkt"),
        acr=core.config.acr,
        auth_time=now,
    )
    members = {**token_claims(core, record, chosen), **({"cnf": dict(cnf)} if cnf else {}), **claims}
    token = random_token(core.random_bytes)
    if chosen.token_format == "jwt":
        kept = {name: value for name, value in members.items() if value is not None}
        token = await core.sign(kept, ACCESS_TOKEN)
    await core.records.save("token", token, record, max(lives, 1) + 60)
    return token


def _consented(core: Core, detail: Mapping[str, Any]) -> Mapping[str, Any]:
    expires_at = core.clock() + core.config.grant_lifetime
    (granted,) = enrich((detail,), core.config, core.random_bytes, expires_at)
    return {**granted, **detail}


@contextmanager
def running(
    settings: Mapping[str, Any] | None = None,
    *,
    clock: Clock = system_clock,
    kind: type[S],
) -> Iterator[RunningServer[S]]:
    """A server for as long as the block lasts. `settings` differ from `DEFAULTS`; `clients` are added.

    `kind` is `AuthorizationServer`, or a subclass such as `faults.FaultyServer`.
    """
    with tempfile.TemporaryDirectory() as directory, _listening() as listening:
        files = make_tls_files(Path(directory))
        client_key, api_key = PrivateKey.generate("ES256"), PrivateKey.generate("ES256")
        config = _config(settings or {}, listening.getsockname()[1], client_key, api_key)
        config = replace(config, tls=ConfiguredTls(certificate=files.certificate, key=files.key))
        server = RunningServer(kind(config, clock=clock), ca=files.ca, client_key=client_key, api_key=api_key)
        with _serving(server, listening):
            yield server


def _listening() -> socket.socket:
    # asyncio switches Nagle's delay off (40 ms for each new connection) only where the protocol is named.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    return made


def _config(settings: Mapping[str, Any], port: int, client_key: PrivateKey, api_key: PrivateKey) -> Config:
    own = [
        {
            "client_id": CLIENT_ID,
            "client_name": "Test Client",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [dict(client_key.public_jwk)]},
        },
        {
            "client_id": API_CLIENT_ID,
            "grant_types": [],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [dict(api_key.public_jwk)]},
        },
    ]
    given = [dict(client) for client in settings.get("clients", ())]
    replaced = {client["client_id"] for client in given}
    clients = [*given, *(client for client in own if client["client_id"] not in replaced)]
    # A client that is given without keys gets those of the one it replaces.
    keys = {client["client_id"]: client["jwks"] for client in own}
    for client in given:
        if "jwks" not in client and "jwks_uri" not in client and client["client_id"] in keys:
            client["jwks"] = keys[client["client_id"]]
    return Config.from_mapping(
        {
            "issuer": f"https://localhost:{port}",
            "listen": f"127.0.0.1:{port}",
            **DEFAULTS,
            **settings,
            "clients": clients,
        }
    )


@contextmanager
def _serving(server: RunningServer[S], listening: socket.socket) -> Iterator[None]:
    serving = _Serving(uvicorn_config(server.app))
    thread = threading.Thread(target=serving.run, args=([listening],), daemon=True, name="askit")
    thread.start()
    try:
        if not serving.ready.wait(_DEADLINE) or serving.loop is None:
            raise RuntimeError("the authorization server did not start")
        server.loop = serving.loop
        yield
    finally:
        serving.should_exit = True
        thread.join(_DEADLINE)


class _Serving(BoundedServer):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        config.loaded_app = resettable(config.loaded_app, lambda: self.server_state.connections)
        self.ready = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Without a goodbye to idle clients: those of a test are often never closed."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)


def _only(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
