"""A device is authorized: what is sent, what is shown, how the wait ends, and that it ends once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fapikit import FapiError, MemoryStore, PrivateKeyJWT, Secret
from fapikit.errors import (
    ConfigurationError,
    PeerRefused,
    SealBroken,
    StoreUnavailable,
    WrongNonce,
)
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, DeviceAuthorization, Transaction
from rpkit.errors import (
    ForeignTransaction,
    MissingIdToken,
    RequestDenied,
    RequestEnded,
    RequestExpired,
    WaitCancelled,
    WrongAcr,
    WrongTokenType,
)
from tests.keys import a_key
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import DEVICE_GRANT, FakeBank
from tests.rpkit.decoupled.naps import Naps
from tests.rpkit.logins import ACCOUNTS, ORIGIN

SEAL = Seal([b"s" * 32])
PAYMENT = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}


def approve_at(bank: FakeBank, number: int, decision: str = "approved") -> Callable[[int], None]:
    def meanwhile(nap: int) -> None:
        if nap == number:
            bank.decision = decision

    return meanwhile


# --- the whole flow -------------------------------------------------------------------------------


@pytest.mark.spec("RFC 8628 3.4")
def test_the_code_is_shown_and_the_wait_ends_in_a_login(bank: FakeBank, clients: Clients, naps: Naps):
    client = clients.of(bank, redirect_uri=None)
    naps.meanwhile = approve_at(bank, 3)
    device = client.device(scope="openid accounts", resources=[ACCOUNTS], authorization_details=[PAYMENT])
    assert (device.user_code, device.verification_uri) == ("WDJB-MJHT", bank.url("activate"))
    assert device.verification_uri_complete == f"{bank.url('activate')}?c=WDJB-MJHT"
    assert device.expires_at == bank.clock() + 600
    login = client.wait(device)
    assert naps.seconds == [5, 5, 5]
    assert login.id_token.subject == login.tokens.subject == "alice"
    assert login.evidence.id_token is not None
    lines = str(login.report)
    assert "passed the user has decided on another device [RFC 8628 3.5c]" in lines
    assert "passed first answer to this request" in lines
    assert "skipped ID token: nonce" in lines
    api = client.api(login.tokens, base_url=ORIGIN, transport=bank.transport())
    assert api.get("/accounts").json()["accounts"]
    assert client.refresh(login.tokens).version == 2


@pytest.mark.spec("RFC 8628 3.1a")
@pytest.mark.spec("RFC 9449 10")
def test_the_request_has_what_was_asked_and_shows_the_key_that_may_redeem(
    bank: FakeBank, clients: Clients, naps: Naps
):
    client = clients.of(bank)
    bank.decision = "approved"
    device = client.device(
        scope=["openid", "accounts"],
        resources=[ACCOUNTS, f"{ORIGIN}/payments"],
        authorization_details=[PAYMENT],
        max_age=60,
        login_hint="alice",
    )
    asked = bank.calls("device")[-1]
    assert asked.form["scope"] == "openid accounts"
    assert [value for name, value in asked.pairs if name == "resource"] == [ACCOUNTS, f"{ORIGIN}/payments"]
    assert asked.form["authorization_details"] == (
        '[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"12.00"}}]'
    )
    assert (asked.form["max_age"], asked.form["login_hint"]) == ("60", "alice")
    assert asked.form["dpop_jkt"] == device.dpop.jkt
    assert "client_assertion" in asked.form
    assert [name for name, _ in asked.pairs].count("client_id") == 1
    with pytest.raises(ConfigurationError, match="several resources"):
        client.wait(device)
    assert bank.calls("token") == [], "nothing was redeemed by that"
    login = client.wait(device, resource=ACCOUNTS)
    redeemed = bank.calls("token")[-1]
    assert (redeemed.form["grant_type"], redeemed.form["resource"]) == (DEVICE_GRANT, ACCOUNTS)
    assert login.tokens.dpop.jkt == device.dpop.jkt


def test_nothing_is_sent_for_what_was_not_asked(bank: FakeBank, clients: Clients):
    clients.of(bank).device(scope="accounts", login_hint=None)
    names = {name for name, _ in bank.calls("device")[-1].pairs}
    assert names == {"scope", "client_id", "client_assertion", "client_assertion_type", "dpop_jkt"}


def test_a_client_with_a_certificate_calls_the_aliases_and_makes_no_dpop_key(
    bank: FakeBank, clients: Clients, naps: Naps
):
    bank.dpop = False
    bank.decision = "approved"
    alias = "https://mtls.bank.example/device"
    bank.faults["metadata"] = lambda document: {
        **document,
        "mtls_endpoint_aliases": {"device_authorization_endpoint": alias, "token_endpoint": f"{alias}/token"},
    }
    client = clients.of(bank, sender_constraint="mtls")
    login = client.wait(client.device(scope="openid accounts"))
    assert [call.path for call in bank.calls("device")] == ["/device"]
    assert bank.calls("token")[-1].path == "/device/token"
    assert "dpop" not in bank.calls("device")[-1].headers
    assert login.tokens.find(None).x5t_s256 is not None


# --- how the wait ends ----------------------------------------------------------------------------

ENDS: dict[str, type[FapiError]] = {
    "access_denied": RequestDenied,
    "expired_token": RequestExpired,
    "invalid_grant": PeerRefused,
    "invalid_client": PeerRefused,
}


@pytest.mark.spec("RFC 8628 3.5c")
@pytest.mark.parametrize("decision", ENDS)
def test_a_final_answer_ends_it_and_nobody_polls_again(
    decision: str, bank: FakeBank, clients: Clients, naps: Naps
):
    store = MemoryStore(clock=bank.clock)
    client, other = clients.of(bank, store=store), clients.of(bank, store=store)
    device = client.device()
    sealed = device.seal(SEAL)
    naps.meanwhile = approve_at(bank, 2, decision)
    with pytest.raises(ENDS[decision]):
        client.wait(device)
    asked = len(bank.calls("token"))
    for waiting in (client, other):
        with pytest.raises(RequestEnded):
            waiting.wait(DeviceAuthorization.open(sealed, SEAL))
    assert len(bank.calls("token")) == asked


def test_a_request_that_nobody_decides_expires_here_too(bank: FakeBank, clients: Clients, naps: Naps):
    client = clients.of(bank)
    with pytest.raises(RequestExpired):
        client.wait(client.device())
    assert naps.seconds[-2:] == [5, 9]
    assert sum(naps.seconds) == 599


def test_the_network_may_fail_meanwhile(bank: FakeBank, clients: Clients, naps: Naps):
    client = clients.of(bank)
    device = client.device()
    bank.decision = "approved"
    answers = [(503, {"retry-after": "30"}, {}), (500, {}, b"<html>")]
    bank.faults["token_answer"] = lambda call: answers.pop(0) if answers else None
    assert client.wait(device).id_token.subject == "alice"
    assert naps.seconds == [5, 30, 20]


class FailingStore(MemoryStore):
    """Fails when it is told to, at one operation."""

    failing = ""

    def get(self, key: str) -> bytes | None:
        self._fail("get")
        return super().get(key)

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        self._fail("add")
        return super().add(key, value, ttl)

    async def aget(self, key: str) -> bytes | None:
        return self.get(key)

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return self.add(key, value, ttl)

    def _fail(self, operation: str) -> None:
        if operation == self.failing:
            raise StoreUnavailable("gone")


def test_tokens_are_not_lost_where_the_store_fails_in_the_end(bank: FakeBank, clients: Clients, naps: Naps):
    store = FailingStore(clock=bank.clock)
    client = clients.of(bank, store=store)
    device = client.device()
    bank.decision, store.failing = "approved", "add"
    login = client.wait(device)
    assert login.tokens.refresh_token is not None
    (line,) = [check for check in login.report if check.name == "first answer to this request"]
    assert (line.outcome, "gone" in line.detail) == ("skipped", True)


def test_a_store_that_is_away_for_a_while_makes_the_wait_longer(bank: FakeBank, clients: Clients, naps: Naps):
    store = FailingStore(clock=bank.clock)
    client = clients.of(bank, store=store)
    device = client.device()
    bank.decision, store.failing = "approved", "get"
    naps.meanwhile = lambda nap: setattr(store, "failing", "") if nap == 3 else None
    assert client.wait(device).tokens.subject == "alice"
    assert naps.seconds == [5, 10, 20]


def test_of_two_that_wait_one_gets_the_tokens(bank: FakeBank, clients: Clients, naps: Naps):
    store = MemoryStore(clock=bank.clock)
    client, other = clients.of(bank, store=store), clients.of(bank, store=store)
    device = client.device()
    twin = DeviceAuthorization.open(device.seal(SEAL), SEAL)
    bank.decision = "approved"
    assert client.wait(device).tokens.subject == "alice"
    asked = len(bank.calls("token"))
    with pytest.raises(RequestEnded):
        other.wait(twin)
    assert len(bank.calls("token")) == asked


def test_a_bank_that_gives_tokens_twice_gives_one_login(bank: FakeBank, clients: Clients, naps: Naps):
    """Both polls are under way at the same time, and a bank that should not answers both."""
    store = MemoryStore(clock=bank.clock)
    client, other = clients.of(bank, store=store), Clients("sync").of(bank, store=store)
    device = client.device()
    twin = DeviceAuthorization.open(device.seal(SEAL), SEAL)
    bank.decision = "approved"
    inner: list[Any] = []

    def both(call: Any) -> None:
        if not inner:
            inner.append(None)
            again = dict(bank.devices)
            inner[0] = _in_thread(lambda: other.wait(twin))
            bank.devices.update(again)

    bank.faults["token_answer"] = both
    with pytest.raises(RequestEnded):
        client.wait(device)
    assert inner[0].tokens.subject == "alice"


def _in_thread(action: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(action()))
    thread.start()
    thread.join(20)
    return results[0]


# --- what is verified -----------------------------------------------------------------------------

WRONG_TOKENS: dict[str, tuple[str, dict[str, Any], type[FapiError]]] = {
    "no ID token": ("token", {"id_token": None}, MissingIdToken),
    "an unbound token": ("token", {"token_type": "Bearer"}, WrongTokenType),
    "a weaker sign-in": ("id_token", {"acr": "low"}, WrongAcr),
    "an ID token of some login": ("id_token", {"nonce": "n"}, WrongNonce),
}


@pytest.mark.parametrize("name", WRONG_TOKENS)
def test_the_tokens_are_verified_as_after_any_login(name: str, bank: FakeBank, clients: Clients, naps: Naps):
    hook, change, expected = WRONG_TOKENS[name]
    bank.decision, bank.acr = "approved", "high"
    bank.faults[hook] = lambda members: {**members, **change}
    client = clients.of(bank)
    device = client.device(acr_values="high")
    with pytest.raises(expected):
        client.wait(device)
    with pytest.raises(RequestEnded):
        client.wait(device)


def test_the_report_says_what_was_not_granted(bank: FakeBank, clients: Clients, naps: Naps):
    bank.decision = "approved"
    bank.faults["token"] = lambda members: {**members, "scope": "openid", "authorization_details": []}
    client = clients.of(bank)
    login = client.wait(client.device(scope="openid accounts", authorization_details=[PAYMENT]))
    assert [check.name for check in login.report.downgrades] == ["scope", "authorization_details"]


# --- another process goes on ----------------------------------------------------------------------


def test_a_sealed_request_is_gone_on_with_by_another_client(bank: FakeBank, clients: Clients, naps: Naps):
    sealed = clients.of(bank).device(scope="openid accounts", resources=[ACCOUNTS], max_age=60).seal(SEAL)
    bank.decision = "approved"
    opened = DeviceAuthorization.open(sealed, SEAL)
    login = clients.of(bank).wait(opened)
    assert login.tokens.resources == (ACCOUNTS,)
    assert "passed ID token: auth_time" in str(login.report)


def test_a_sealed_request_is_the_same_one(bank: FakeBank, clients: Clients):
    device = clients.of(bank).device(
        authorization_details=[PAYMENT], acr_values="high", claims={"id_token": {"acr": None}}
    )
    opened = DeviceAuthorization.open(device.seal(SEAL), SEAL)
    assert opened == device
    assert opened.dpop.private.to_private_jwk() == device.dpop.private.to_private_jwk()
    assert opened.id == device.id != replace(device, reference=Secret("another")).id


def test_the_same_code_of_another_server_is_another_request(bank: FakeBank, clients: Clients):
    """A server that gives out the codes of another one must not end its requests, or share the answers to its polls."""
    device = clients.of(bank).device()
    others = [replace(device, issuer="https://evil.example.test"), replace(device, client_id="another")]
    assert len({device.id, *(other.id for other in others)}) == 3


@pytest.mark.parametrize("members", [b"{}", b'{"v":2}', b"[]", b"no JSON"])
def test_other_octets_are_no_request(members: bytes):
    with pytest.raises(SealBroken):
        DeviceAuthorization.from_bytes(members)


def test_a_sealed_login_is_no_device_request(bank: FakeBank, clients: Clients):
    client = clients.of(bank)
    with pytest.raises(SealBroken):
        DeviceAuthorization.open(client.begin().transaction.seal(SEAL), SEAL)
    with pytest.raises(SealBroken):
        Transaction.open(client.device().seal(SEAL), SEAL)


@pytest.mark.parametrize("change", [{"client_id": "another"}, {"issuer": "https://other.example"}])
def test_the_request_of_another_client_is_refused(change: dict[str, str], bank: FakeBank, clients: Clients):
    client = clients.of(bank)
    device = replace(client.device(), **change)
    with pytest.raises(ForeignTransaction):
        client.wait(device)
    assert bank.calls("token") == []


def test_something_else_is_no_request(bank: FakeBank, clients: Clients):
    with pytest.raises(ConfigurationError, match="a str: give what device"):
        clients.of(bank).wait("sealed text")


def test_no_code_is_shown_by_accident(bank: FakeBank, clients: Clients):
    device = clients.of(bank).device()
    (device_code,) = bank.devices
    assert device_code not in repr(device)
    assert device.user_code not in repr(device)
    assert device_code not in device.id


# --- cancellation, with the sleep as it is --------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_another_thread_cancels_the_wait(kind: str, bank: FakeBank):
    clients = Clients(kind)
    client = clients.of(bank)
    device = client.device()
    threading.Timer(0.05, device.cancel).start()
    with pytest.raises(WaitCancelled):
        client.wait(device)
    with pytest.raises(WaitCancelled):
        client.wait(device)
    assert bank.calls("token") == []
    clients.close()


def test_a_cancelled_task_stops_polling_and_another_can_go_on(bank: FakeBank):
    async def main() -> str:
        async with await AsyncClient.discover(
            bank.issuer,
            client_id="fintech",
            auth=PrivateKeyJWT(a_key("ES256", 1)),
            http=bank.http(),
            clock=bank.clock,
        ) as client:
            device = replace(await client.device(), interval=0.01)
            task = asyncio.create_task(client.wait(device))
            while not bank.calls("token"):
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            asked = len(bank.calls("token"))
            await asyncio.sleep(0.05)
            assert len(bank.calls("token")) == asked
            bank.decision = "approved"
            return str((await client.wait(device)).tokens.subject)

    assert asyncio.run(main()) == "alice"
