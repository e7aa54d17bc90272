"""API clients come and go; the connections to the API stay, and end with the client that lent them."""

from __future__ import annotations

import asyncio
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fapikit.errors import ResponseTooLarge
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in


class CountingApi(ThreadingHTTPServer):
    """Counts its connections; `answers` says what to send."""

    daemon_threads = True

    def __init__(self) -> None:
        self.connections = 0
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        server: Any = self.server
        status, headers, body = server.answers.pop(0) if server.answers else (200, {}, b"{}")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api_server() -> Iterator[CountingApi]:
    server = CountingApi()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    socketserver.TCPServer.server_close(server)


def test_one_connection_serves_many_api_clients(
    clients: Clients, bank: FakeBank, api_server: CountingApi
) -> None:
    client = clients.of(bank)
    base_url = f"http://127.0.0.1:{api_server.server_port}"
    for _ in range(3):  # three users
        tokens = signed_in(client, bank).tokens
        with client.api(tokens, base_url=base_url) as api:
            assert api.get("/").status_code == 200
    assert api_server.connections == 1
    with client.api(tokens, base_url=base_url, trust_env=False) as api:
        api.get("/")
    assert api_server.connections == 2, "an option that shapes connections: its own"
    client.close() if clients.kind == "sync" else client.aclose()


def test_each_event_loop_has_its_own(bank: FakeBank, api_server: CountingApi) -> None:
    from fapikit import PrivateKeyJWT
    from rpkit import AsyncClient
    from tests.keys import a_key
    from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI

    async def call(client: Any, tokens: Any) -> None:
        for _ in range(2):
            async with client.api(tokens, base_url=f"http://127.0.0.1:{api_server.server_port}") as api:
                assert (await api.get("/")).status_code == 200

    async def first() -> tuple[Any, Any]:
        client = await AsyncClient.discover(
            bank.issuer,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(a_key("ES256", 1)),
            redirect_uri=REDIRECT_URI,
            http=bank.http(),
            clock=bank.clock,
        )
        start = await client.begin()
        tokens = (await client.complete(bank.authorize(start.url), start.transaction)).tokens
        await call(client, tokens)
        await client._apis.aclose()
        return client, tokens

    client, tokens = asyncio.run(first())

    async def second() -> None:
        await call(client, tokens)
        await client.aclose()

    asyncio.run(second())
    assert api_server.connections == 2


def test_a_refusal_that_never_ends_is_cut_off_before_the_retry(
    clients: Clients, bank: FakeBank, api_server: CountingApi
) -> None:
    """The 401 before a retry is read too, so it is counted too."""
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    challenge = {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "n"}
    api_server.answers = [(401, challenge, b"x" * 5000)]
    base_url = f"http://127.0.0.1:{api_server.server_port}"
    with client.api(tokens, base_url=base_url, max_bytes=1000) as api, pytest.raises(ResponseTooLarge):
        api.get("/")
    client.close() if clients.kind == "sync" else client.aclose()
