"""A server that runs in a thread of this process, on a free loopback port, with TLS.

Every method exists twice: synchronous, and with `async_` to await from any event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import anyio.to_thread
import httpx

from askit.config.settings import Config
from askit.core import Core
from askit.issuing.tokens import token_claims
from askit.pytest_plugin.hosts import DEADLINE, Host, Hosts
from askit.pytest_plugin.throwaway_tls import ClientCertificateFiles, self_signed
from askit.pytest_plugin.visitor import Callback, avisit, visit, walk
from askit.records import AccessToken
from askit.requests.authorization_details import enrich
from askit.server import AuthorizationServer
from fapikit.certificates.subject import SUBJECT_MEMBERS
from fapikit.clock import Clock, system_clock
from fapikit.io import HttpSettings
from fapikit.io.tls import client_context
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.profile import Profile
from fapikit.profiles import FAPI2_SECURITY
from fapikit.secrets import random_token

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
"""The settings of the server, by the keys of the configuration file. Further clients are added to `clients`."""


class RunningServer(Generic[S]):
    """A server that answers at `issuer`. `app` is the server object, for tests that look inside."""

    def __init__(
        self, app: S, host: Host, hosts: Hosts, *, client_key: PrivateKey, api_key: PrivateKey
    ) -> None:
        self.app = app
        self.issuer = app.config.issuer
        self.ca = hosts.ca
        self.client_ca = hosts.client_authority.file
        self.client_id = CLIENT_ID
        self.client_key = client_key
        self.api_client_id = API_CLIENT_ID
        self.api_key = api_key
        self.redirect_uri = REDIRECT_URI
        self._host = host
        self._hosts = hosts

    def http(self, client_certificate: ClientCertificateFiles | None = None) -> HttpSettings:
        """The HTTP settings with which a client or an API trusts this server, and shows its certificate, if any."""
        if client_certificate is not None:
            shown = TlsClientCertificate.from_pem(*client_certificate)
            return HttpSettings(ca=self.ca, client_certificate=shown)
        return HttpSettings(tls=_trusting(self.ca, self.app.config.profile))

    def client_certificate(self, common_name: str = CLIENT_ID) -> ClientCertificateFiles:
        """A new certificate under the client CA that this server trusts."""
        return self._hosts.client_authority.issue(common_name)

    @property
    def self_signed_certificate(self) -> ClientCertificateFiles:
        """The one that `test-client` has registered, where it authenticates by such a one or binds its tokens."""
        return _own_files(self._hosts.directory, self.client_key)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that `app` runs on."""
        return self._host.loop

    # Tokens.

    def access_token(self, **arguments: Any) -> str:
        """A valid access token. The arguments are those of `make_access_token`."""
        return self._host.wait(make_access_token(self.app.core, **arguments))

    async def async_access_token(self, **arguments: Any) -> str:
        made = self._host.begin(make_access_token(self.app.core, **arguments))
        # In a thread, because asyncio and trio have no common way to wait for another loop.
        return await anyio.to_thread.run_sync(made.result, DEADLINE, abandon_on_cancel=True)

    # Logins.

    def browse(
        self,
        url: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> Callback:
        """Follow an authorization URL through login and consent. Returns what the client receives."""
        with httpx.Client(verify=_trusting(self.ca), trust_env=False) as browser:
            return visit(browser, self._steps(url, username, password, decision, pin))

    async def async_browse(
        self,
        url: str,
        *,
        decision: str = "approve",
        username: str = "alice",
        password: str = "wonderland",
        pin: str = "",
    ) -> Callback:
        async with httpx.AsyncClient(verify=_trusting(self.ca), trust_env=False) as browser:
            return await avisit(browser, self._steps(url, username, password, decision, pin))

    def signed_in(self, client: Any, *, resource: str | None = None, pin: str = "", **request: Any) -> Any:
        """The Login of an `rpkit.Client`. `request`: the arguments of `begin`. `pin`: for a second level."""
        start = client.begin(**request)
        return client.complete(self.browse(start.url, pin=pin), start.transaction, **_only(resource=resource))

    async def async_signed_in(
        self, client: Any, *, resource: str | None = None, pin: str = "", **request: Any
    ) -> Any:
        """The Login of an `rpkit.AsyncClient`, or of an `rpkit.Client`, which then works in a thread."""
        if not inspect.iscoroutinefunction(client.begin):
            login = partial(self.signed_in, client, resource=resource, pin=pin, **request)
            return await anyio.to_thread.run_sync(login)
        start = await client.begin(**request)
        callback = await self.async_browse(start.url, pin=pin)
        return await client.complete(callback, start.transaction, **_only(resource=resource))

    def _steps(self, url: str, username: str, password: str, decision: str, pin: str) -> Any:
        return walk(url, issuer=self.issuer, username=username, password=password, decision=decision, pin=pin)


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
    act: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """An access token as the server would issue it. It is stored, so it can be introspected.

    `cnf` has `jkt` for a DPoP-bound token, `x5t#S256` for a certificate-bound one. `act`: who acts for `sub`. `claims`
    change the JWT; None removes a claim. Details of a `single_use` type become part of a consent, as after a login,
    unless they name one.
    """
    chosen = core.config.resource(resource) if resource else core.config.resources[0]
    if chosen is None:
        raise ValueError(f"resource= is not one of this server: {resource}")
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
        x5t=(cnf or {}).get("x5t#S256"),
        acr=core.config.acr_levels[0],
        auth_time=now,
        act=act,
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
    hosts: Hosts | None = None,
) -> Iterator[RunningServer[S]]:
    """A server during the block. `settings`: those that differ from `DEFAULTS`; `clients` are added.

    `kind`: `AuthorizationServer`, or a subclass such as `faults.FaultyServer`. `hosts`: the shared hosts of a session
    (the fixture `askit_hosts`); without it the server has a port and a thread of its own.
    """
    if hosts is None:
        with closing(Hosts()) as own, running(settings, clock=clock, kind=kind, hosts=own) as server:
            yield server
        return
    client_key, api_key = PrivateKey.generate("ES256"), PrivateKey.generate("ES256")

    def configure(port: int) -> Config:
        own = dict(settings or {})
        own["tls"] = _only(**{**hosts.tls, **own.get("tls", {})})
        return _config(own, port, client_key, api_key, hosts.directory)

    with hosts.bank(configure, lambda config: kind(config, clock=clock)) as (app, host):
        yield RunningServer(app, host, hosts, client_key=client_key, api_key=api_key)


def _config(
    settings: Mapping[str, Any], port: int, client_key: PrivateKey, api_key: PrivateKey, directory: Path
) -> Config:
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
    # A client without keys gets those of the client that it replaces.
    keys = {client["client_id"]: client["jwks"] for client in own}
    for client in given:
        if "jwks" not in client and "jwks_uri" not in client and client["client_id"] in keys:
            client["jwks"] = keys[client["client_id"]]
            if client["client_id"] == CLIENT_ID:
                _show_certificate(client, client_key, directory)
    return Config.from_mapping(
        {
            "issuer": f"https://localhost:{port}",
            "listen": f"127.0.0.1:{port}",
            **DEFAULTS,
            **settings,
            "clients": clients,
        }
    )


def _show_certificate(client: dict[str, Any], key: PrivateKey, directory: Path) -> None:
    """Let `test-client` register what its certificates need, where it is given without."""
    method = client.get("token_endpoint_auth_method")
    if method == "tls_client_auth" and not any(member in client for member in SUBJECT_MEMBERS):
        client["tls_client_auth_subject_dn"] = f"CN={CLIENT_ID}"
    if method == "self_signed_tls_client_auth" or client.get("tls_client_certificate_bound_access_tokens"):
        own = _own_files(directory, key)
        client["jwks"] = {"keys": [{**key.public_jwk, "x5c": own.jwk_x5c}]}


@lru_cache(maxsize=32)
def _own_files(directory: Path, key: PrivateKey) -> ClientCertificateFiles:
    return self_signed(directory, CLIENT_ID, key.to_pem())


@lru_cache(maxsize=32)
def _trusting(ca: Path, profile: Profile = FAPI2_SECURITY) -> ssl.SSLContext:
    """Cached, because making a context takes longer than a login."""
    return client_context(ca=ca, profile=profile)


def _only(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
