"""An authorization server in your tests: install `pip install "fapikit[askit]"`, and use these fixtures.

    def test_accounts_are_listed(askit, access_token):
        token = access_token(scope="accounts", cnf={"jkt": my_key.thumbprint})
        ...

    def test_login(askit, signed_in):
        client = Client.discover(askit.issuer, client_id=askit.client_id, auth=PrivateKeyJWT(askit.client_key),
                                 redirect_uri=askit.redirect_uri, http=askit.http())
        login = signed_in(client, scope="openid accounts")

`askit`              a running server (see `RunningServer`) with TLS. Each test gets a new bank, in milliseconds; the
                     port, the certificate and the thread are shared in the session
`askit_settings`     the settings that differ from `DEFAULTS` (keys of the configuration file); override it in conftest
`askit_clock`        the server's clock: real time until `freeze()`; `advance(seconds)` moves it; use it in your own
                     code too
`access_token(...)`  a token that the server issues, with your claims; `async_access_token` is awaited
`signed_in(client)`  an rpkit client's login through the server's pages; `async_signed_in` is awaited
`askit.decide_device(user_code)`, `askit.decide_ciba(binding_message)`   what the user of a device does, and one whom a
                     client asks by CIBA: sign in and approve; `decision="deny"` refuses
`askit.let_lapse(request.reference)`   nobody decides on such a request: it ends now
`askit.client_certificate()`, `askit.self_signed_certificate`   PEM files of throw-away client certificates, and
                     `askit.http(client_certificate=files)` shows one: see "In pytest" in docs/askit.md
`askit_recording`    the messages of this test, or None: see `--flows=FOLDER` and `--watch-flows`; override it to
                     record always
`askit_recorder(name, role, *origins)`   records one more party of this test, such as your API
`faulty_askit`       another such server, which breaks the rules that you choose (`.app.faults`, see `faults`)

Their types are `RunningServer[AuthorizationServer]` (or `[FaultyServer]`) of `askit.pytest_plugin.running`,
`MovableClock`, `Callable[..., str]` for tokens; a login is rpkit's `Login`.

Without fixtures: `with running({...}, kind=FaultyServer) as server` from `askit.pytest_plugin.running`.

Only the core is imported before a fixture is used. Faults are in a subclass in this package: no setting and no command
line option can switch them on.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from askit.missing_extra import needs_extra
from askit.pytest_plugin.flows import (
    pytest_addoption,
    pytest_configure,
    pytest_report_header,
    pytest_runtest_makereport,
    pytest_sessionstart,
    pytest_terminal_summary,
    pytest_unconfigure,
    recording_of_test,
)
from askit.pytest_plugin.movable_clock import MovableClock

if TYPE_CHECKING:
    from askit.pytest_plugin.faults import FaultyServer
    from askit.pytest_plugin.hosts import Hosts
    from askit.pytest_plugin.running import RunningServer
    from askit.server import AuthorizationServer
    from fapikit_viewer import Recorder, Recording
    from fapikit_viewer.recording import Role

__all__ = [
    "access_token",
    "askit",
    "askit_clock",
    "askit_hosts",
    "askit_recorder",
    "askit_recording",
    "askit_settings",
    "async_access_token",
    "async_signed_in",
    "faulty_askit",
    "pytest_addoption",
    "pytest_configure",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_sessionstart",
    "pytest_terminal_summary",
    "pytest_unconfigure",
    "signed_in",
]


@pytest.fixture
def askit_settings() -> Mapping[str, Any]:
    """The settings that differ from the test server's, by the keys of askit's configuration file. Override it."""
    return {}


@pytest.fixture
def askit_clock() -> MovableClock:
    """The test server's clock: real time until `freeze()`; `advance(seconds)` moves it."""
    return MovableClock()


@pytest.fixture(scope="session")
def askit_hosts() -> Iterator[Hosts]:
    """Ports, certificate and threads that all tests share. A test normally uses `askit` instead."""
    with needs_extra():
        from askit.pytest_plugin.hosts import Hosts

    with closing(Hosts()) as hosts:
        yield hosts


@pytest.fixture
def askit_recording(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Recording | None]:
    """What is recorded of this test: messages, checks and refusals. None without `--flows` and `--watch-flows`.

    Override it with a `fapikit_viewer.Recording` to record always.
    """
    yield from recording_of_test(request, tmp_path)


@pytest.fixture
def askit_recorder(askit_recording: Recording | None) -> Callable[..., Recorder]:
    """Makes the `fapikit_viewer.Recorder` of one more party: `askit_recorder("accounts", "rs", *origins).wsgi(app)`.

    The bank, the browser and what is sent with `askit.http()` are recorded already. It writes nothing if nothing is
    recorded.
    """
    with needs_extra():
        from fapikit_viewer import Party, Recorder, Recording

    def recorder(name: str, role: Role, *origins: str) -> Recorder:
        return Recorder(askit_recording or Recording(os.devnull), Party(name, role, origins=origins))

    return recorder


@pytest.fixture
def askit(
    askit_settings: Mapping[str, Any],
    askit_clock: MovableClock,
    askit_hosts: Hosts,
    askit_recording: Recording | None,
) -> Iterator[RunningServer[AuthorizationServer]]:
    """A running authorization server with TLS, and its client.

    `.issuer`, `.http()`, `.client_id`, `.client_key` and `.redirect_uri` are what `rpkit.Client.discover` takes.
    `.browse(url)` walks from the URL of `begin` to the callback URL: `decision="deny"` refuses. `.app` is the server.
    `.api_client_id` and `.api_key` are what `rskit.Introspection` takes.
    """
    with needs_extra():
        from askit.pytest_plugin.running import running
        from askit.server import AuthorizationServer

    with running(
        askit_settings,
        clock=askit_clock,
        kind=AuthorizationServer,
        hosts=askit_hosts,
        recording=askit_recording,
    ) as server:
        yield server


@pytest.fixture
def faulty_askit(
    askit_settings: Mapping[str, Any],
    askit_clock: MovableClock,
    askit_hosts: Hosts,
    askit_recording: Recording | None,
) -> Iterator[RunningServer[FaultyServer]]:
    """Another server like `askit`, which breaks the rules in `.app.faults`: wrong messages, and outages.

    Log in with `faulty_askit.signed_in(client, scope="openid")`. The fixture `signed_in` belongs to `askit`.
    """
    with needs_extra():
        from askit.pytest_plugin.faults import FaultyServer
        from askit.pytest_plugin.running import running

    with running(
        askit_settings, clock=askit_clock, kind=FaultyServer, hosts=askit_hosts, recording=askit_recording
    ) as server:
        yield server


@pytest.fixture
def access_token(askit: RunningServer[AuthorizationServer]) -> Callable[..., str]:
    """Makes an access token of `askit`: `access_token(scope=..., cnf={"jkt": ...}, **claims)`."""
    return askit.access_token


@pytest.fixture
def async_access_token(askit: RunningServer[AuthorizationServer]) -> Callable[..., Awaitable[str]]:
    """`access_token` to await."""
    return askit.async_access_token


@pytest.fixture
def signed_in(askit: RunningServer[AuthorizationServer]) -> Callable[..., Any]:
    """Signs alice in at `askit` for an rpkit client: `signed_in(client, scope="openid accounts")` returns the Login."""
    return askit.signed_in


@pytest.fixture
def async_signed_in(askit: RunningServer[AuthorizationServer]) -> Callable[..., Awaitable[Any]]:
    """`signed_in` to await: for an `AsyncClient` on asyncio, or for a `Client` on asyncio and on trio."""
    return askit.async_signed_in
