"""What a process learns of the certificates that clients register: its own at once, those of others by looking."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.clients import registrations, shown_certificates
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
        self.latest: set[bytes] = set()
        self.in_order: Sequence[bytes] = ()
        server.core.shown_certificates.attach(self._hear)

    async def _hear(self, certificates: Sequence[bytes]) -> None:
        self.in_order, self.latest = certificates, set(certificates)

    async def becomes(self, *certificates: Made) -> None:
        wanted = {made.der for made in certificates}
        async with asyncio.timeout(5):
            while self.latest != wanted:
                await asyncio.sleep(0.005)


class Reads:
    """The kinds of records that a server reads from its store."""

    def __init__(self, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: list[str] = []
        records = server.core.records
        read = records.read

        async def noting(kind: str, name: str) -> bytes | None:
            self.kinds.append(kind)
            return await read(kind, name)

        monkeypatch.setattr(records, "read", noting)

    async def after_looks(self, looks: int) -> None:
        """Forget what was read so far, and wait until so many further looks have begun."""
        self.kinds.clear()
        async with asyncio.timeout(5):
            while self.kinds.count("registrations-changed") < looks:
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
    assert here.latest == set()
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


@pytest.mark.spec("RFC 8705 2.2.2")
async def test_a_jwks_uri_that_hangs_holds_no_other_up(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_certificates, "FETCH_FOR", 0.05)
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host.startswith("slow"):
            await asyncio.Event().wait()
        return httpx.Response(200, json={"keys": [jwk_of(ONE)]})

    http = HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    entries = [
        self_signed(name, jwks_uri=f"https://{name}.example.test/jwks")
        for name in ("slow1", "slow2", "quick")
    ]
    bank = Bank(clients=[*entries, *APIS], http=http, initial_access_token=OPENER)
    told = Told(bank.server)
    await bank.server.start()
    await told.becomes(ONE)
    assert asked[:3] == ["slow1.example.test", "slow2.example.test", "quick.example.test"]
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
    await bank.server.core.shown_certificates.learn(Client.read(self_signed("more", TWO)))
    assert told.latest == {ONE.der, TWO.der}
    await bank.server.core.aclose()


async def test_one_client_has_no_more_than_twenty() -> None:
    many = [a_certificate(serial=number) for number in range(1, 23)]
    bank = Bank(clients=[self_signed("own", *many), *APIS])
    told = Told(bank.server)
    await bank.server.start()
    assert len(told.latest) == 20
    await bank.server.core.aclose()


def of_age(days: int, **more: Any) -> Made:
    return a_certificate(valid_from=-dt.timedelta(days=days), **more)


async def test_the_configured_come_first_then_the_newest_of_each_client_and_the_oldest_client_first() -> None:
    """What comes last is left out first, so a crowd of certificates takes nobody's place."""
    configured = [of_age(9), of_age(8)]
    bank = Bank(clients=[self_signed("own", *configured), *APIS], initial_access_token=OPENER)
    told = Told(bank.server)
    await bank.server.start()
    first, crowd, last = [of_age(7), of_age(6)], [of_age(days) for days in (5, 4, 3, 2)], [of_age(1)]
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    for registered in (first, crowd, last):
        answer = await register(bank, jwks={"keys": [jwk_of(made) for made in registered]}, **members)
        assert answer.status_code == 201, answer.text
    wanted = [*configured[::-1], first[1], crowd[3], last[0], first[0], *crowd[2::-1]]
    assert list(told.in_order) == [made.der for made in wanted]
    await bank.server.core.aclose()
    other = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)
    there = Told(other)
    await other.start()
    await there.becomes(*wanted)
    assert list(there.in_order) == [made.der for made in wanted], "as the process that registered them"
    await other.core.aclose()


async def test_a_look_reads_what_has_changed_and_nothing_else(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"clients": APIS, "initial_access_token": OPENER}
    one = Bank(**settings)
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    for made in (ONE, TWO):
        assert (await register(one, jwks={"keys": [jwk_of(made)]}, **members)).status_code == 201
    other = AuthorizationServer(one.config, store=one.store, clock=one.clock)
    there, read = Told(other), Reads(other, monkeypatch)
    await other.start()
    await there.becomes(ONE, TWO)
    assert read.kinds.count("client") == 2
    await read.after_looks(3)
    assert set(read.kinds) == {"registrations-changed"}
    assert (await register(one, jwks={"keys": [jwk_of(THREE)]}, **members)).status_code == 201
    await there.becomes(ONE, TWO, THREE)
    assert read.kinds.count("client") == 1
    await other.core.aclose()


async def test_after_more_changes_than_are_remembered_everybody_is_looked_at(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "_CHANGES", 2)
    one = Bank(clients=APIS, initial_access_token=OPENER)
    other = AuthorizationServer(one.config, store=one.store, clock=one.clock)
    there = Told(other)
    await other.start()
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    for made in (ONE, TWO, THREE):
        assert (await register(one, jwks={"keys": [jwk_of(made)]}, **members)).status_code == 201
    await there.becomes(ONE, TWO, THREE)
    await other.core.aclose()


async def test_the_order_is_that_of_the_registrations_in_each_process() -> None:
    one = Bank(clients=APIS, initial_access_token=OPENER)
    other = AuthorizationServer(one.config, store=one.store, clock=one.clock)
    there = Told(other)
    await other.start()
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    answers = [await register(one, jwks={"keys": [jwk_of(made)]}, **members) for made in (ONE, TWO, THREE)]
    latest = await other.core.clients.find(answers[-1].json()["client_id"])
    assert latest is not None
    await other.core.shown_certificates.learn(latest)
    await there.becomes(ONE, TWO, THREE)
    assert list(there.in_order) == [ONE.der, TWO.der, THREE.der]
    await other.core.aclose()


async def test_whoever_is_on_the_list_no_more_is_forgotten(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if so much has changed since then that the change is no longer remembered."""
    one = Bank(clients=APIS, initial_access_token=OPENER)
    other = AuthorizationServer(one.config, store=one.store, clock=one.clock)
    there = Told(other)
    await other.start()
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    answers = [await register(one, jwks={"keys": [jwk_of(made)]}, **members) for made in (ONE, TWO)]
    await there.becomes(ONE, TWO)
    monkeypatch.setattr(registrations, "_CHANGES", 1)
    await one.server.core.registrations.end(answers[0].json())
    await one.server.core.registrations._note_change(answers[1].json()["client_id"])
    await there.becomes(TWO)
    await other.core.aclose()


async def test_a_registration_whose_lifetime_is_over_is_forgotten(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_certificates, "EVERYBODY_EVERY", 0.02)
    bank = Bank(clients=APIS, initial_access_token=OPENER, registration={"lifetime": 3600})
    told = Told(bank.server)
    await bank.server.start()
    members = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
    assert (await register(bank, jwks={"keys": [jwk_of(ONE)]}, **members)).status_code == 201
    await told.becomes(ONE)
    bank.clock.advance(3601)
    await told.becomes()
    await bank.server.core.aclose()
