"""What a process learns of the certificates that clients register: its own at once, those of others by looking."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.clients import shown_certificates
from askit.clients.client import Client
from fapikit import HttpSettings
from fapikit.errors import StoreUnavailable
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.client_check.test_client_certificates import jwk_of, known_by
from tests.askit.registering import OPENER, register
from tests.mothers.certificates import Made, a_certificate

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = a_certificate(), a_certificate(), a_certificate()
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def self_signed(client_id: str, *certificates: Made, **more: Any) -> dict[str, Any]:
    keys = {"jwks": {"keys": [jwk_of(made) for made in certificates]}} if certificates else {}
    return known_by("self_signed_tls_client_auth", client_id=client_id, **keys, **more)


class Told:
    """What a handshake hears."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.latest: Collection[bytes] = frozenset()
        server.core.shown_certificates.attach(self._hear)

    def _hear(self, certificates: Collection[bytes]) -> None:
        self.latest = certificates

    async def becomes(self, *certificates: Made) -> None:
        wanted = {made.der for made in certificates}
        async with asyncio.timeout(5):
            while self.latest != wanted:
                await asyncio.sleep(0.005)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_certificates, "LOOK_EVERY", 0.01)


async def test_the_configuration_is_told_at_the_start_whatever_the_method() -> None:
    keyed = {**FINTECH, "jwks": {"keys": [*FINTECH["jwks"]["keys"], jwk_of(TWO, kid="with certificate")]}}
    bank = Bank(clients=[keyed, self_signed("own", ONE), *APIS])
    told = Told(bank.server)
    await bank.server.start()
    assert told.latest == {ONE.der, TWO.der}
    await bank.server.core.aclose()


async def test_the_configured_clients_come_first() -> None:
    first, second = sorted((ONE, TWO), key=lambda made: made.der, reverse=True)
    bank = Bank(clients=[self_signed("own", first), *APIS], initial_access_token=OPENER)
    told = Told(bank.server)
    await bank.server.start()
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    assert (await register(bank, jwks={"keys": [jwk_of(second)]}, **members)).status_code == 201
    assert list(told.latest) == [first.der, second.der]
    await bank.server.core.aclose()


async def test_what_another_process_registers_is_found(quick: None) -> None:
    settings = {"clients": APIS, "initial_access_token": OPENER}
    one = Bank(**settings)
    other = AuthorizationServer(one.config, store=one.store, clock=one.clock)
    here, there = Told(one.server), Told(other)
    await one.server.start()
    await other.start()
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    answer = await register(one, jwks={"keys": [jwk_of(ONE)]}, **members)
    assert answer.status_code == 201, answer.text
    assert here.latest == {ONE.der}
    await there.becomes(ONE)
    token = {"authorization": f"Bearer {answer.json()['registration_access_token']}"}
    path = f"/register/{answer.json()['client_id']}"
    changed = {name: answer.json()[name] for name in ("client_id", "redirect_uris", "grant_types")}
    replaced = await one.browser().put(
        path, json={**changed, **members, "jwks": {"keys": [jwk_of(TWO)]}}, headers=token
    )
    assert replaced.status_code == 200, replaced.text
    await there.becomes(TWO)
    token = {"authorization": f"Bearer {replaced.json()['registration_access_token']}"}
    assert (await one.browser().delete(path, headers=token)).status_code == 204
    assert here.latest == frozenset()
    await there.becomes()
    await one.server.core.aclose()
    await other.core.aclose()


@pytest.mark.spec("RFC 8705 2.2.2")
async def test_a_jwks_uri_is_looked_at_again_and_again(quick: None) -> None:
    served: dict[str, Any] = {"keys": [jwk_of(ONE)]}

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if served else 503, json=served)

    http = HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    entry = self_signed("remote", jwks_uri="https://fintech.example.test/jwks")
    bank = Bank(clients=[entry, *APIS], http=http)
    told = Told(bank.server)
    await bank.server.start()
    await told.becomes(ONE)
    served["keys"] = [jwk_of(TWO), jwk_of(THREE)]
    bank.clock.advance(601)
    await told.becomes(TWO, THREE)
    served.clear()
    bank.clock.advance(7200)
    await asyncio.sleep(0.05)
    assert told.latest == {TWO.der, THREE.der}, "what it published before stays while it does not answer"
    await bank.server.core.aclose()


async def test_a_store_that_does_not_answer_changes_nothing(quick: None) -> None:
    bank = Bank(clients=[self_signed("own", ONE), *APIS], initial_access_token=OPENER)
    told = Told(bank.server)
    await bank.server.start()
    asked = asyncio.Event()

    async def fails(*_: object) -> bytes:
        asked.set()
        raise StoreUnavailable("the store is away")

    bank.store.aget = fails  # type: ignore[method-assign]
    await asyncio.wait_for(asked.wait(), 5)
    assert told.latest == {ONE.der}
    del bank.store.aget  # type: ignore[attr-defined]
    bank.server.core.shown_certificates.learn(Client.read(self_signed("more", TWO)))
    assert told.latest == {ONE.der, TWO.der}
    await bank.server.core.aclose()


async def test_one_client_has_no_more_than_twenty() -> None:
    many = [a_certificate(serial=number) for number in range(1, 23)]
    bank = Bank(clients=[self_signed("own", *many), *APIS])
    told = Told(bank.server)
    await bank.server.start()
    assert len(told.latest) == 20
    await bank.server.core.aclose()
