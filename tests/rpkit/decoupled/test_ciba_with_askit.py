"""Both sides of CIBA over sockets and TLS: rpkit asks, askit answers, pings and pushes."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask
import pytest
import trustme
from werkzeug.serving import make_server

import rpkit.flask
from askit import AuthorizationServer
from askit.decoupled import decisions
from askit.decoupled.due_notices import OVERDUE_AFTER, DueNotices
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RESOURCE, RunningServer
from fapikit import HttpSettings, MemoryStore, PrivateKeyJWT
from fapikit.errors import PeerRefused
from fapikit.stores.sealed import Seal
from rpkit import CibaRequest, Client, binding_message
from rpkit.errors import RequestEnded
from tests.keys import a_key, claims_of
from tests.mothers.certificates import Made, a_certificate, an_authority, as_client_certificate, usage
from tests.mothers.certified_askit import certified_askit
from tests.mothers.clients import CLIENT_KEY
from tests.rpkit.decoupled.naps import taking_naps

GRANT = "urn:openid:params:grant-type:ciba"
PAYMENT = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}
SEAL = Seal([b"s" * 32])
PATH = "/ciba-notification"


@dataclass
class Site:
    """The site's notification endpoint. `client` is set when there is one; `heard` when a call was answered."""

    uri: str = ""
    client: Client | None = None
    statuses: list[int] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)


@contextmanager
def site_over_tls(ca: trustme.CA) -> Iterator[Site]:
    site = Site()

    def connect() -> Client:
        assert site.client is not None
        return site.client

    app = flask.Flask(__name__)
    app.register_blueprint(rpkit.flask.CibaNotifications(connect, path=PATH).blueprint())

    @app.after_request
    def note(response: flask.Response) -> flask.Response:
        site.statuses.append(response.status_code)
        site.heard.set()
        return response

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    site.uri = f"https://localhost:{server.port}{PATH}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()


@dataclass
class World:
    server: RunningServer[Any]
    clock: MovableClock
    site: Site
    certificate: Made
    store: MemoryStore

    def client(self, client_id: str, profile: str, **options: Any) -> Client:
        mode = client_id.partition("-")[0]
        client = Client.discover(
            self.server.issuer,
            client_id=client_id,
            auth=PrivateKeyJWT(a_key(*CLIENT_KEY)),
            profile=profile,
            http=HttpSettings(ca=self.server.ca, client_certificate=as_client_certificate(self.certificate)),
            clock=self.clock,
            store=self.store,
            backchannel_token_delivery_mode=mode,  # type: ignore[arg-type]
            **options,
        )
        self.site.client = client
        return client


def registered(client_id: str, site: Site, **more: Any) -> dict[str, Any]:
    mode = client_id.partition("-")[0]
    notified = {} if mode == "poll" else {"backchannel_client_notification_endpoint": site.uri}
    return {
        "client_id": client_id,
        "client_name": f"Till ({client_id})",
        "redirect_uris": ["https://client.example.test/callback"],
        "grant_types": ["refresh_token"] if mode == "push" else [GRANT, "refresh_token"],
        "response_types": [],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "backchannel_token_delivery_mode": mode,
        "jwks": {"keys": [dict(a_key(*CLIENT_KEY).public_jwk)]},
        **notified,
        **more,
    }


SIGNED = {
    "backchannel_authentication_request_signing_alg": "ES256",
    "tls_client_certificate_bound_access_tokens": True,
}


@contextmanager
def a_world(folder: Path, profile: str, *client_ids: str, **registration: Any) -> Iterator[World]:
    clock, ca, now = MovableClock(), trustme.CA(), time.time()
    of_clients = an_authority("Clients", now=now, serial=1001)
    mine = a_certificate(issuer=of_clients, now=now, serial=7, key_usage=usage(digital_signature=True))
    trusted = folder / "sites.pem"
    trusted.write_bytes(ca.cert_pem.bytes())
    with (
        site_over_tls(ca) as site,
        certified_askit(
            folder,
            AuthorizationServer,
            client_ca=of_clients,
            clients=[registered(client_id, site, **registration) for client_id in client_ids],
            clock=clock,
            profile=profile,
            auto_approve="alice",
            http={"ca": str(trusted)},
        ) as server,
    ):
        yield World(server, clock, site, mine, MemoryStore(clock=clock))


@pytest.fixture(scope="module")
def fapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("fapi"), "fapi-ciba", "poll-1", "ping-1", **SIGNED) as world:
        yield world


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("plain"), "fapi2-security", "poll-2", "push-2") as world:
        yield world


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    for name in ("fapi", "plain"):
        if name in request.fixturenames:
            request.getfixturevalue(name).site.heard.clear()


@pytest.mark.spec("FAPI-CIBA 5.2.3.1-1; CIBA 7.1.1a, 10.1a; RFC 8705 3a")
def test_a_signed_request_is_polled_for(fapi: World, monkeypatch: pytest.MonkeyPatch) -> None:
    naps = taking_naps(fapi, monkeypatch)  # type: ignore[arg-type]
    with fapi.client("poll-1", "fapi-ciba") as till:
        request = till.ciba(
            scope="openid payments",
            login_hint="alice",
            resources=[RESOURCE],
            authorization_details=[PAYMENT],
            binding_message=binding_message(),
        )
        login = till.wait(CibaRequest.open(request.seal(SEAL), SEAL))
        assert login.id_token is not None
        assert login.tokens.scope == "openid payments"
        assert naps.seconds == [request.interval]
        token = login.tokens.access_tokens[0]
        assert claims_of(token.value.reveal())["cnf"] == {"x5t#S256": token.x5t_s256}
        assert till.refresh(login.tokens).version == 2
        assert "passed authorization_details" in str(login.report)
        with pytest.raises(RequestEnded):
            till.wait(request)


@pytest.mark.spec("CIBA 10.2b")
def test_a_ping_comes_over_tls(fapi: World) -> None:
    with fapi.client("ping-1", "fapi-ciba") as till:
        request = till.ciba(scope="openid", login_hint="alice", binding_message=binding_message())
        assert fapi.site.heard.wait(20)
        login = till.wait(request)
        assert login.tokens.subject is not None
        assert fapi.site.statuses[-1] == 204


@pytest.mark.spec("CIBA 5, 10.3.1, 10.3.1b; RFC 9449 5c")
def test_a_push_comes_over_tls(plain: World) -> None:
    with plain.client("push-2", "fapi2-security") as till:
        request = till.ciba(scope="openid accounts", login_hint="alice", resources=[RESOURCE])
        assert plain.site.heard.wait(20)
        login = till.wait(request)
        assert plain.site.statuses[-1] == 204
        assert login.tokens.dpop == request.dpop
        claims = claims_of(login.tokens.access_tokens[0].value.reveal())
        assert claims["cnf"]["jkt"] == request.dpop.jkt  # type: ignore[union-attr]
        assert "passed ID token: urn:openid:params:jwt:claim:rt_hash" in str(login.report)
        again = till.ciba(id_token_hint=login.id_token)  # type: ignore[typeddict-item]
        assert again.subject == login.tokens.subject


@pytest.mark.spec("CIBA 10.3.1")
def test_a_push_comes_although_the_process_that_decided_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = threading.Event()

    async def ends(*_: object) -> None:
        decided.set()

    async def another_one_starts(due: DueNotices) -> None:
        await due.stop()
        await due.start()

    with (
        a_world(tmp_path, "fapi2-security", "push-2") as world,
        world.client("push-2", "fapi2-security") as till,
    ):
        with monkeypatch.context() as patched:
            patched.setattr(decisions, "deliver_grant", ends)
            request = till.ciba(scope="openid accounts", login_hint="alice", resources=[RESOURCE])
            assert decided.wait(20)
        assert not world.site.heard.is_set()
        world.clock.advance(OVERDUE_AFTER)
        started = another_one_starts(world.server.app.core.due_notices)
        asyncio.run_coroutine_threadsafe(started, world.server.loop).result(20)
        assert world.site.heard.wait(20)
        assert world.site.statuses[-1] == 204
        assert till.wait(request).tokens.dpop == request.dpop


@pytest.mark.spec("RFC 9449 8; CIBA 10.1a")
def test_a_plain_request_with_dpop_is_polled_for(plain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    taking_naps(plain, monkeypatch)  # type: ignore[arg-type]
    with plain.client("poll-2", "fapi2-security") as till:
        login = till.wait(till.ciba(scope="openid accounts", login_hint="alice", resources=[RESOURCE]))
        assert login.tokens.access_tokens[0].token_type == "DPoP"


@pytest.mark.spec("CIBA 13a")
def test_an_unknown_user_is_refused(fapi: World) -> None:
    with fapi.client("poll-1", "fapi-ciba") as till, pytest.raises(PeerRefused) as caught:
        till.ciba(login_hint="nobody", binding_message=binding_message())
    assert caught.value.peer_code == "unknown_user_id"
