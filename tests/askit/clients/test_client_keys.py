"""Where a client's keys may lie: whoever registers does not choose what this server connects to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trustme

from askit.clients import keys as client_keys
from askit.clients.keys import NotPublic, PublicHttp, calls_of, is_public
from fapikit import HttpSettings
from fapikit.io.tls import client_context
from fapikit.urns import JWT_BEARER
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.hearer import Hearer
from tests.askit.plain_client import ISSUER
from tests.askit.registering import OPEN, register
from tests.keys import a_key, mint

pytestmark = pytest.mark.anyio

NAME = "keys.fintech.example"
CA = trustme.CA()
TLS = HttpSettings(tls=client_context(ca=CA.cert_pem.bytes()))
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def _bank(*, development_only: bool = False, **changes: Any) -> Bank:
    return Bank(http=TLS, **OPEN, development_only=development_only, **changes)


async def test_one_client_whose_keys_are_long_in_coming_does_not_hold_up_the_others() -> None:
    """Of three requests two wait for the one fetch, and the third hears at once that it cannot be decided now."""
    asked, may = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await may.wait()
        body = json.dumps({"keys": [dict(a_key("ES256", 1).public_jwk)]})
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        slow = {**{name: value for name, value in FINTECH.items() if name != "jwks"}, "jwks_uri": uri}
        bank = Bank(clients=[slow, {**OTHER, "jwks": OTHER["jwks"]}, *APIS], limits={"waiting_per_client": 2})
        client = bank.client()
        pushes = [asyncio.create_task(client.push()) for _ in range(3)]
        await asyncio.wait_for(asked.wait(), 20)
        done, _ = await asyncio.wait(pushes, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert [push.result().status_code for push in done] == [503]
        assert (await bank.client("other").push()).status_code == 201
        may.set()
        assert sorted(push.status_code for push in await asyncio.gather(*pushes)) == [201, 201, 503]
        assert (await client.push()).status_code == 201


async def test_strangers_who_wait_for_keys_that_do_not_exist_do_not_keep_the_client_out() -> None:
    """Its own key is at hand, so it waits for nothing."""
    may = asyncio.Event()
    may.set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await may.wait()
        body = json.dumps({"keys": [dict(a_key("ES256", 1).public_jwk)]})
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        slow = {**{name: value for name, value in FINTECH.items() if name != "jwks"}, "jwks_uri": uri}
        bank = Bank(clients=[slow, {**OTHER, "jwks": OTHER["jwks"]}, *APIS], limits={"waiting_per_client": 2})
        client, stranger = bank.client(), bank.client(key=a_key("ES256", 9))
        assert (await client.push()).status_code == 201
        may.clear()
        pushes = [asyncio.create_task(stranger.push()) for _ in range(3)]
        done, waiting = await asyncio.wait(pushes, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert ([push.result().status_code for push in done], len(waiting)) == ([503], 2)
        assert (await client.push()).status_code == 201
        may.set()
        assert sorted(push.status_code for push in await asyncio.gather(*pushes)) == [401, 401, 503]


async def _register(bank: Bank, uri: str) -> tuple[int, dict[str, Any]]:
    response = await register(bank, jwks=None, jwks_uri=uri)
    return response.status_code, response.json()


@contextlib.asynccontextmanager
async def _key_server(name: str = NAME, *, kept: bool = False) -> AsyncIterator[tuple[int, list[str]]]:
    """A key set on loopback under a certificate for `name`: its port, and what connected (the Host headers)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert(name).configure_cert(context)
    seen: list[str] = []
    body = json.dumps({"keys": [dict(a_key("ES256", 7).public_jwk)]})

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 OK\r\ncontent-type: application/json" + ("" if kept else "\r\nconnection: close")
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                seen.append(asked.split("host: ")[1].split("\r\n")[0])
                writer.write(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The answers of the resolver, one list of addresses after another; the last one stays."""

    def to(*answers: list[str]) -> None:
        left = list(answers)

        async def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
            addresses = left.pop(0) if len(left) > 1 else left[0]
            if not addresses:
                raise socket.gaierror("unknown")
            kind = socket.SOCK_STREAM
            return [(socket.AF_INET, kind, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return to


@pytest.mark.parametrize(
    "uri",
    [
        "http://fintech.example/jwks",
        "http://127.0.0.1/jwks",
        "https://127.0.0.1/jwks",
        "https://[::1]/jwks",
        "https://10.0.0.7/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://8.8.8.8/jwks",
        "https://2130706433/jwks",
        "https://0x7f000001/jwks",
        "https://127.1/jwks",
        "https://localhost/jwks",
        "https://keys.localhost/jwks",
        "https://keys.LOCALHOST/jwks",
        "https://intranet/jwks",
        "https://user@fintech.example/jwks",
        "https://fintech.example.127/jwks",
    ],
)
async def test_keys_of_a_client_that_registers_itself_lie_on_a_public_named_host(uri: str) -> None:
    status, body = await _register(_bank(), uri)
    assert (status, body["error"]) == (400, "invalid_client_metadata")


async def test_nor_is_an_address_in_here_told_of_logouts() -> None:
    for host, status in (("10.0.0.7", 400), ("intranet", 400), (NAME, 201)):
        response = await register(_bank(), backchannel_logout_uri=f"https://{host}/logout")
        assert response.status_code == status


async def test_a_logout_is_told_at_the_address_that_was_checked(resolve: Callable[..., None]) -> None:
    """A public name of an address in here is not connected to, unless whoever wrote the configuration named it."""
    async with _key_server("localhost") as (port, seen):
        uri = f"https://localhost:{port}/logout"
        bank = _bank(clients=[{**FINTECH, "backchannel_logout_uri": uri}, *APIS])
        client = bank.client()
        await client.tokens()
        await client.submit(await client.http.get("/end_session"))
        assert seen == [f"localhost:{port}"]
    async with _key_server() as (port, seen):
        uri = f"https://{NAME}:{port}/logout"
        registered = (await register(bank, backchannel_logout_uri=uri)).json()
        resolve(["127.0.0.1"])
        client = bank.client(registered["client_id"], key=a_key("ES256", 7))
        await client.tokens()
        assert "You have signed out" in (await client.submit(await client.http.get("/end_session"))).text
        assert seen == []


@pytest.mark.spec("RFC 9101 10.4")
async def test_nor_is_a_request_object_fetched_from_there(resolve: Callable[..., None]) -> None:
    async with _key_server() as (port, seen):
        uri = f"https://{NAME}:{port}/request.jwt"
        bank = _bank(profile="oauth-2.1")
        registered = (await register(bank, request_uris=[uri])).json()
        resolve(["127.0.0.1"])
        response = await bank.client(registered["client_id"]).authorize(uri)
        assert (response.status_code, seen) == (503, [])


async def test_in_development_keys_may_lie_on_this_machine() -> None:
    async with _key_server("localhost") as (port, seen):
        bank = _bank(development_only=True)
        status, registered = await _register(bank, f"https://localhost:{port}/jwks")
        assert status == 201
        client = bank.client(registered["client_id"], key=a_key("ES256", 7))
        assert (await client.push()).status_code == 201
        assert seen == [f"localhost:{port}"]


async def test_a_client_registered_in_development_is_not_served_afterwards() -> None:
    bank = _bank(development_only=True)
    _, registered = await _register(bank, "https://localhost:8443/jwks")
    later = _bank()
    later.server.core.clients._records = bank.server.core.records
    assert await bank.server.core.clients.find(registered["client_id"]) is not None
    assert await later.server.core.clients.find(registered["client_id"]) is None


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.7"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"], []]
)
async def test_a_public_name_of_a_private_address_is_not_connected_to(
    resolve: Callable[..., None], addresses: list[str]
) -> None:
    async with _key_server() as (port, seen):
        bank = _bank()
        status, registered = await _register(bank, f"https://{NAME}:{port}/jwks")
        assert status == 201
        resolve(addresses)
        response = await bank.client(registered["client_id"], key=a_key("ES256", 7)).push()
        assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
        assert seen == []
        # Which names have addresses in here, and what listens there, is told in the log only.
        assert response.json()["error_description"] == "this cannot be decided now: try again soon"


async def test_the_address_that_was_checked_is_the_one_connected_to(
    resolve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time is not asked twice; its certificate is still its own."""
    monkeypatch.setattr(client_keys, "is_public", lambda address: address.startswith("127."))
    async with _key_server() as (port, seen):
        bank = _bank()
        _, registered = await _register(bank, f"https://{NAME}:{port}/jwks")
        # Nobody listens at the first and the last; a second question would get another answer.
        resolve(["127.0.0.2", "127.0.0.1", "127.0.0.3"], ["10.0.0.7"])
        client = bank.client(registered["client_id"], key=a_key("ES256", 7))
        assert (await client.push()).status_code == 201
        assert seen == [f"{NAME}:{port}"]


async def test_a_name_with_letters_of_its_own_is_not_taken_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """straße.example is not strasse.example, whose owner would else give the client its keys (IDNA 2003 and 2008)."""
    monkeypatch.setattr(client_keys, "is_public", lambda _: True)
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    name = "xn--strae-oqa.example"
    async with _key_server(name) as (port, seen):
        bank = _bank()
        _, registered = await _register(bank, f"https://{name}:{port}/jwks")
        assert (await bank.client(registered["client_id"], key=a_key("ES256", 7)).push()).status_code == 201
        assert (asked, seen) == ([name], [f"{name}:{port}"])


async def test_a_server_without_the_names_certificate_is_not_believed(
    resolve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_keys, "is_public", lambda _: True)
    async with _key_server("other.example") as (port, seen):
        bank = _bank()
        _, registered = await _register(bank, f"https://{NAME}:{port}/jwks")
        resolve(["127.0.0.1"])
        assert (await bank.client(registered["client_id"], key=a_key("ES256", 7)).push()).status_code == 503
        assert seen == []


async def test_a_second_name_on_one_address_shows_a_certificate_of_its_own(
    resolve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_keys, "is_public", lambda _: True)
    async with _key_server(kept=True) as (port, seen):
        bank = _bank()
        resolve(["127.0.0.1"])
        for name, status in ((NAME, 201), ("other.example", 503)):
            _, registered = await _register(bank, f"https://{name}:{port}/jwks")
            client = bank.client(registered["client_id"], key=a_key("ES256", 7))
            assert (await client.push()).status_code == status
        assert seen == [f"{NAME}:{port}"]


async def test_whoever_wrote_the_configuration_vouches_for_its_addresses() -> None:
    async with _key_server("localhost") as (port, seen):
        configured = {**FINTECH, "jwks": None, "jwks_uri": f"https://localhost:{port}/jwks"}
        configured = {name: value for name, value in configured.items() if value is not None}
        bank = _bank(clients=[configured, *APIS])
        assert (await bank.client(key=a_key("ES256", 7)).push()).status_code == 201
        assert len(seen) == 1


async def test_he_does_so_only_for_the_calls_that_his_clients_need() -> None:
    """Whoever registers could have notices posted to where the keys of another client lie."""
    async with _key_server("localhost") as (port, seen):
        url = f"https://localhost:{port}/jwks"
        vouched = frozenset(calls_of({"jwks_uri": url}))
        async with PublicHttp(tls=TLS.tls, vouched_for=vouched).make_async_client() as http:
            assert (await http.get(url)).status_code == 200
            for call in (http.post(url), http.get(f"{url}?x"), http.get(f"https://localhost:{port}/")):
                with pytest.raises(NotPublic):
                    await call
        assert len(seen) == 1


async def test_so_does_he_for_the_keys_of_an_issuer_that_he_trusts() -> None:
    grants = [*FINTECH["grant_types"], JWT_BEARER]
    async with _key_server("localhost") as (port, seen):
        trusted = {
            "issuer": "https://partner.example",
            "jwks_uri": f"https://localhost:{port}/jwks",
            "clients": ["fintech"],
            "scopes": ["accounts"],
            "subjects": {"p-17": "alice"},
        }
        bank = _bank(clients=[{**FINTECH, "grant_types": grants}, *APIS], trusted_issuers=[trusted])
        now = int(bank.clock())
        claims = {"iss": trusted["issuer"], "sub": "p-17", "aud": ISSUER, "exp": now + 60, "jti": "one"}
        assertion = mint(claims, a_key("ES256", 7))
        answer = await bank.client().token({"grant_type": JWT_BEARER, "assertion": assertion})
        assert answer.status_code == 200, answer.text
        assert len(seen) == 1


async def test_a_client_that_the_server_was_given_decides_itself() -> None:
    hearer = Hearer()
    bank = Bank(http=hearer.http(), development_only=False, **OPEN)
    registered = (await register(bank, backchannel_logout_uri=f"https://{NAME}/logout")).json()
    client = bank.client(registered["client_id"], key=a_key("ES256", 7))
    await client.tokens()
    await client.submit(await client.http.get("/end_session"))
    assert hearer.told == [registered["client_id"]]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::93.184.215.14", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("::127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
