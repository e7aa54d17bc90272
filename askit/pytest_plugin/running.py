"""A server that runs in a thread of this process, on a free loopback port, with TLS.

Every method exists twice: synchronous, and with `async_` to await from any event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import anyio.to_thread

from askit.clients.backchannel import DELIVERY_MODE, SIGNING_ALG
from askit.config.settings import Config
from askit.pytest_plugin.access_tokens import CLIENT_ID, make_access_token
from askit.pytest_plugin.hosts import DEADLINE, Host, Hosts
from askit.pytest_plugin.lapsing import let_lapse
from askit.pytest_plugin.visits import Visits, trusting
from askit.server import AuthorizationServer
from askit.throwaway_tls import ClientCertificateFiles, self_signed
from fapikit.certificates.subject import SUBJECT_MEMBERS
from fapikit.clock import Clock, system_clock
from fapikit.io import HttpSettings
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.private_key import PrivateKey
from fapikit.profiles import profile_of
from fapikit.secrets import Secret
from fapikit.urls import origin_of
from fapikit.urns import CIBA, DEVICE_CODE
from fapikit_viewer import Party, Recorder, Recording

S = TypeVar("S", bound=AuthorizationServer)
T = TypeVar("T")

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
    "polling_interval": 1,
}
"""The settings of the server, by the keys of the configuration file. Further clients are added to `clients`."""


class RunningServer(Visits, Generic[S]):
    """A server that answers at `issuer`. `app` is the server object, for tests that look inside."""

    def __init__(
        self,
        app: S,
        host: Host,
        hosts: Hosts,
        *,
        client_key: PrivateKey,
        api_key: PrivateKey,
        recording: Recording | None = None,
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
        self.recording = recording
        self._host = host
        self._hosts = hosts

    def http(self, client_certificate: ClientCertificateFiles | None = None) -> HttpSettings:
        """The HTTP settings with which a client or an API trusts this server, and shows its certificate, if any.

        If the flow of the test is recorded, what is sent with them is recorded as the client's.
        """
        if client_certificate is not None:
            shown = TlsClientCertificate.from_pem(*client_certificate)
            settings = HttpSettings(ca=self.ca, client_certificate=shown)
        else:
            settings = HttpSettings(tls=trusting(self.ca, self.app.config.profile))
        if self.recording is None:
            return settings
        return Recorder(self.recording, Party("client", "client", "Client", (origin_of(REDIRECT_URI),))).http(
            settings
        )

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
        return await self._elsewhere(make_access_token(self.app.core, **arguments))

    def let_lapse(self, secret: str | Secret) -> None:
        """End a request of a device or of CIBA now, undecided. `secret`: its `device_code` or `auth_req_id`.

        rpkit has it as `.reference`. Raises ValueError if there is no such request.
        """
        self._host.wait(let_lapse(self.app.core, secret))

    async def async_let_lapse(self, secret: str | Secret) -> None:
        await self._elsewhere(let_lapse(self.app.core, secret))

    async def _elsewhere(self, work: Coroutine[Any, Any, T]) -> T:
        """Await what runs on the loop of the server."""
        begun = self._host.begin(work)
        # In a thread, because asyncio and trio have no common way to wait for another loop.
        return await anyio.to_thread.run_sync(begun.result, DEADLINE, abandon_on_cancel=True)


@contextmanager
def running(
    settings: Mapping[str, Any] | None = None,
    *,
    clock: Clock = system_clock,
    kind: type[S],
    hosts: Hosts | None = None,
    recording: Recording | None = None,
) -> Iterator[RunningServer[S]]:
    """A server during the block. `settings`: those that differ from `DEFAULTS`; `clients` are added.

    `kind`: `AuthorizationServer`, or a subclass such as `faults.FaultyServer`. `hosts`: the shared hosts of a session
    (the fixture `askit_hosts`); without it the server has a port and a thread of its own. `recording`: record what the
    server receives and refuses, what users do, and what is sent with `http()`.
    """
    if hosts is None:
        with (
            closing(Hosts()) as own,
            running(settings, clock=clock, kind=kind, hosts=own, recording=recording) as server,
        ):
            yield server
        return
    client_key, api_key = PrivateKey.generate("ES256"), PrivateKey.generate("ES256")

    def configure(port: int) -> Config:
        own = dict(settings or {})
        own["tls"] = _only(**{**hosts.tls, **own.get("tls", {})})
        return _config(own, port, client_key, api_key, hosts.directory)

    def recorded(app: S) -> Any:
        if recording is None:
            return app
        bank = Party("bank", "as", app.config.name, (origin_of(app.config.issuer),))
        return Recorder(recording, bank).asgi(app)

    with hosts.bank(configure, lambda config: kind(config, clock=clock), recorded) as (app, host):
        yield RunningServer(app, host, hosts, client_key=client_key, api_key=api_key, recording=recording)


def _config(
    settings: Mapping[str, Any], port: int, client_key: PrivateKey, api_key: PrivateKey, directory: Path
) -> Config:
    profile = profile_of(settings.get("profile", DEFAULTS["profile"]))
    device = [DEVICE_CODE] if profile.device_grant else []
    signed = {SIGNING_ALG: "ES256"} if profile.request_object_required else {}
    own = [
        {
            "client_id": CLIENT_ID,
            "client_name": "Test Client",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials", *device, CIBA],
            DELIVERY_MODE: "poll",
            **signed,
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


def _only(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
