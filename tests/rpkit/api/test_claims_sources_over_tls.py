"""Aggregated and distributed claims over real sockets: the bank is askit, the other issuer a server of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.running import RunningServer
from fapikit import HttpSettings, PrivateKeyJWT
from rpkit import AsyncClient, ClaimsProvider, Client
from rpkit.errors import ClaimsSourceError, UnknownClaimsSource
from tests.keys import a_key, mint

KEY = a_key("ES256", 51)
CA = trustme.CA()


class Provider:
    """An issuer with its key set and its claims endpoint; what came, and what it answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.seen.append((self.path, self.headers["authorization"]))
                body = provider.body(self.path)
                self.send_response(200 if self.path == "/keys" else provider.status)
                for name, value in {**provider.headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        import ssl

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        CA.issue_cert("localhost").configure_cert(context)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.issuer = f"https://localhost:{self.server.server_port}"

    def body(self, path: str) -> bytes:
        if path == "/keys":
            return json.dumps({"keys": [dict(KEY.public_jwk)]}).encode()
        return self.jwt().encode()

    def jwt(self, **changes: Any) -> str:
        return mint({"iss": self.issuer, "sub": "their-7", "credit_score": 650, **changes}, KEY)


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def settings_of(askit: RunningServer[Any], provider: Provider) -> dict[str, Any]:
    trusted = ClaimsProvider(
        issuer=provider.issuer,
        jwks_uri=f"{provider.issuer}/keys",
        endpoints=[f"{provider.issuer}/claims", "https://localhost:1/claims"],
    )
    return {
        "client_id": askit.client_id,
        "auth": PrivateKeyJWT(askit.client_key),
        "redirect_uri": askit.redirect_uri,
        "http": HttpSettings(ca=askit.ca.read_bytes() + CA.cert_pem.bytes()),
        "claims_providers": [trusted],
    }


def told(provider: Provider) -> dict[str, Any]:
    """What the bank says: a good source of each kind, and bad ones."""
    return {
        "_claim_names": {
            "credit_score": "far",
            "shoe_size": "near",
            "a": "gone",
            "b": "neighbour",
            "c": "evil",
        },
        "_claim_sources": {
            "far": {"endpoint": f"{provider.issuer}/claims", "access_token": "for-the-source"},
            "near": {"JWT": provider.jwt(shoe_size=44)},
            "gone": {"endpoint": "https://localhost:1/claims"},
            "neighbour": {"endpoint": f"{provider.issuer}/admin"},
            "evil": {"JWT": provider.jwt(iss="https://evil.example.test")},
        },
    }


def check(found: Any, provider: Provider) -> None:
    assert found.claims == {"credit_score": 650, "shoe_size": 44}
    assert {name: type(error).__name__ for name, error in found.failed.items()} == {
        "gone": "Unreachable",
        "neighbour": "UnknownClaimsSource",
        "evil": "UnknownClaimsSource",
    }
    assert sorted(provider.seen, key=str) == [("/claims", "Bearer for-the-source"), ("/keys", None)]


@pytest.mark.conformance("oidc-rp", "aggregated-claims", "distributed-claims")
def test_it_is_fetched_and_verified(faulty_askit: RunningServer[FaultyServer], provider: Provider) -> None:
    faulty_askit.app.faults["userinfo"] = lambda claims: {**claims, **told(provider)}
    with Client.discover(faulty_askit.issuer, **settings_of(faulty_askit, provider)) as client:
        start = client.begin(scope="openid")
        login = client.complete(faulty_askit.browse(start.url), start.transaction)
        info = client.userinfo(login)
        check(client.claims_from_sources(info), provider)
        provider.status, provider.headers = 302, {"location": f"{provider.issuer}/elsewhere"}
        again = client.claims_from_sources(info)
        assert (again.claims, type(again.failed["far"]).__name__) == ({"shoe_size": 44}, "UnexpectedRedirect")
        provider.status, provider.headers = 500, {}
        assert type(client.claims_from_sources(info).failed["far"]) is ClaimsSourceError
    assert "/elsewhere" not in [path for path, _ in provider.seen]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_with_asyncio(
    faulty_askit: RunningServer[FaultyServer], provider: Provider, anyio_backend: str
) -> None:
    faulty_askit.app.faults["id_token"] = lambda claims: {**claims, **told(provider)}
    async with await AsyncClient.discover(
        faulty_askit.issuer, **settings_of(faulty_askit, provider)
    ) as client:
        start = await client.begin(scope="openid")
        login = await client.complete(await faulty_askit.async_browse(start.url), start.transaction)
        check(await client.claims_from_sources(login.id_token), provider)


def test_without_settings_nobody_is_called(
    faulty_askit: RunningServer[FaultyServer], provider: Provider
) -> None:
    faulty_askit.app.faults["userinfo"] = lambda claims: {**claims, **told(provider)}
    given = {**settings_of(faulty_askit, provider), "claims_providers": ()}
    with Client.discover(faulty_askit.issuer, **given) as client:
        start = client.begin(scope="openid")
        login = client.complete(faulty_askit.browse(start.url), start.transaction)
        found = client.claims_from_sources(client.userinfo(login))
    assert {type(error) for error in found.failed.values()} == {UnknownClaimsSource}
    assert (found.sources, provider.seen) == ((), [])
