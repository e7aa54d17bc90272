"""Refreshing: once for all who ask, persisted before use, the same login as before."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fapikit import MemoryStore, PrivateKeyJWT
from fapikit.errors import ConfigurationError, FapiError, Remedy, StoreUnavailable
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Client, TokenSet, TokenStore
from rpkit.errors import BrokenContinuity, ForeignTransaction, GrantEnded, NoAccessToken, UnaskedDetails
from tests.keys import a_key
from tests.mothers.clients import CLIENT_KEY, Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank
from tests.rpkit.logins import ACCOUNTS, signed_in

SEAL = Seal([b"s" * 32])


def refreshes(bank: FakeBank) -> list[str]:
    """The refresh tokens of the refreshes that succeeded."""
    calls = [call for call in bank.calls("token") if call.status == 200]
    return [call.form["refresh_token"] for call in calls if call.form["grant_type"] == "refresh_token"]


def test_the_old_refresh_token_stays_when_none_comes(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    again = client.refresh(client.refresh(tokens))
    assert again.refresh_token == tokens.refresh_token
    assert again.version == tokens.version + 2
    assert len(set(refreshes(bank))) == 1


@pytest.mark.spec("FAPI2-SP 5.3.3.1-6")
def test_a_rotated_token_replaces_the_old_one(clients: Clients, bank: FakeBank) -> None:
    bank.rotate = True
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    client.refresh(client.refresh(tokens))
    assert len(set(refreshes(bank))) == 2


def test_whoever_holds_the_older_set_gets_the_newer_one_without_a_call(
    clients: Clients, bank: FakeBank
) -> None:
    bank.rotate = True
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    newer = client.refresh(tokens)
    assert client.refresh(tokens).access_token_for(None) == newer.access_token_for(None)
    assert len(refreshes(bank)) == 1


def test_each_resource_has_its_own_token(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank, resources=[ACCOUNTS], resource=ACCOUNTS).tokens
    both = client.refresh(tokens, resource="https://bank.example/payments")
    assert both.access_token_for(ACCOUNTS) == tokens.access_token_for(ACCOUNTS)
    assert both.resources == (ACCOUNTS, "https://bank.example/payments")


def test_an_ended_grant_says_sign_in_again(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.refresh_tokens.clear()
    with pytest.raises(GrantEnded) as caught:
        client.refresh(tokens)
    assert caught.value.remedy is Remedy.SIGN_IN_AGAIN


def test_a_failed_refresh_keeps_nobody_waiting(bank: FakeBank) -> None:
    store = MemoryStore(clock=bank.clock)
    client, _ = two_clients(bank, store)
    tokens = signed_in(client, bank).tokens
    bank.faults["token_answer"] = lambda _call: (500, {}, {})
    with pytest.raises(FapiError):
        client.refresh(tokens)
    del bank.faults["token_answer"]
    bank.clock.advance(0.01)  # past the moment in which the lock is given back
    assert store.get(f"{tokens.key.store_key}:lock") is None
    assert client.refresh(tokens).version == 2


def test_without_a_refresh_token_there_is_none(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    with pytest.raises(NoAccessToken):
        client.refresh(client.client_credentials(scope="accounts"))


def test_scope_cannot_be_widened(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    with pytest.raises(ConfigurationError):
        client.refresh(tokens, scope="openid accounts payments")
    narrow = client.refresh(tokens, scope="accounts")
    assert bank.calls("token")[-1].form["scope"] == "accounts"
    assert narrow.find(None).scope == "accounts"


PAYMENTS = [{"type": "payment", "creditor": "A"}, {"type": "payment", "creditor": "B"}]


@pytest.mark.spec("RFC 9396 6")
def test_a_token_for_a_part_of_what_was_granted(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    narrowed = [{**PAYMENTS[0], "consent_id": "c1"}]
    bank.faults["token"] = lambda body: {**body, "authorization_details": narrowed}
    part = client.refresh(tokens, authorization_details=[PAYMENTS[0]])
    assert json.loads(bank.calls("token")[-1].form["authorization_details"]) == [PAYMENTS[0]]
    token = part.find(None)
    assert token is not None
    assert list(token.authorization_details) == narrowed
    assert part.authorization_details == tokens.authorization_details, "the grant stays as it is"
    client.refresh(part)
    assert "authorization_details" not in bank.calls("token")[-1].form


@pytest.mark.spec("RFC 9396 7")
@pytest.mark.parametrize("granted", [None, [], PAYMENTS, [PAYMENTS[1]], [{"type": "payment"}]])
def test_a_token_for_something_else_than_that_part_is_not_used(
    granted: Any, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    carried = {} if granted is None else {"authorization_details": granted}
    bank.faults["token"] = lambda body: {**body, "refresh_token": "rotated", **carried}
    with pytest.raises(UnaskedDetails) as caught:
        client.refresh(tokens, authorization_details=[PAYMENTS[0]])
    kept = TokenSet.kept_in(caught.value)
    assert kept is not None
    assert kept.refresh_token is not None
    assert kept.refresh_token.matches("rotated"), "a refresh token that has come is never lost"


def test_of_two_that_name_one_detail_neither_lets_another_in(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["token"] = lambda body: {**body, "authorization_details": PAYMENTS}
    with pytest.raises(UnaskedDetails):
        client.refresh(tokens, authorization_details=[PAYMENTS[0], PAYMENTS[0]])


def test_a_part_needs_a_type(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    with pytest.raises(ConfigurationError, match="without a type"):
        client.refresh(tokens, authorization_details=[{"creditor": "A"}])


def test_tokens_of_another_bank_are_refused(clients: Clients, bank: FakeBank) -> None:
    other = FakeBank(issuer="https://other.example/")
    tokens = signed_in(clients.of(bank), bank).tokens
    with pytest.raises(ForeignTransaction):
        clients.of(other).refresh(tokens)
    assert not other.calls("token")


CONTINUITY: dict[str, Any] = {
    "sub": "mallory",
    "auth_time": 1,
    "nonce": "another",
    "azp": "another",
    "at_hash": "another",
}


@pytest.mark.spec("OIDC 12.2")
@pytest.mark.parametrize("claim", CONTINUITY)
def test_a_refreshed_id_token_tells_of_the_same_login(claim: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["refresh_id_token"] = lambda claims: {**claims, claim: CONTINUITY[claim]}
    with pytest.raises(FapiError) as caught:
        client.refresh(tokens)
    own = {"azp": "RFC 8725 3.9", "at_hash": "OIDC 3.1.3.6"}
    assert caught.value.clause == own.get(claim, "OIDC 12.2")
    assert claim in own or isinstance(caught.value, BrokenContinuity)
    # What failed is not kept: the next refresh starts from what was there.
    del bank.faults["refresh_id_token"]
    assert client.refresh(tokens).version == tokens.version + 1


SAME_LOGIN: dict[str, Any] = {
    "its audience as a list": {"aud": [CLIENT_ID]},
    "no auth_time": {"auth_time": ...},
    "null where there is nothing to say": {"auth_time": None, "nonce": None, "azp": None},
    "an empty nonce": {"nonce": ""},
    "this client as azp, which the first did not say": {"azp": CLIENT_ID},
}


@pytest.mark.spec("OIDC 12.2")
@pytest.mark.parametrize("what", SAME_LOGIN)
def test_a_refreshed_id_token_may_say_the_same_otherwise(what: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    bank.faults["refresh_id_token"] = lambda claims: {
        name: value for name, value in {**claims, **SAME_LOGIN[what]}.items() if value is not ...
    }
    assert client.refresh(tokens).version == 2


def test_threads_share_one_refresh(bank: FakeBank) -> None:
    bank.rotate = True
    clients = Clients("sync")
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    together = threading.Barrier(8)

    def refresh(_number: int) -> Any:
        together.wait()
        return client.refresh(tokens).access_token_for(None)

    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(refresh, range(8)))
    assert len(results) == 1
    assert len(refreshes(bank)) == 1


def test_tasks_share_one_refresh_and_a_cancelled_waiter_harms_nobody(bank: FakeBank) -> None:
    bank.rotate = True

    async def scenario() -> None:
        client = await AsyncClient.discover(
            bank.issuer,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(a_key(*CLIENT_KEY)),
            redirect_uri=REDIRECT_URI,
            http=bank.http(),
            clock=bank.clock,
        )
        start = await client.begin(scope="openid accounts")
        tokens = (await client.complete(bank.authorize(start.url), start.transaction)).tokens
        waiting = [asyncio.create_task(client.refresh(tokens)) for _ in range(8)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        results = await asyncio.gather(*waiting[1:])
        assert len({result.access_token_for(None) for result in results}) == 1

    asyncio.run(scenario())
    assert len(refreshes(bank)) == 1


def two_clients(bank: FakeBank, store: Any, **options: Any) -> tuple[Client, Client]:
    """Two clients with nothing in common but the store: as two processes have."""
    made = Clients("sync")
    return (
        made.of(bank, token_store=TokenStore(store, SEAL, **options)),
        made.of(bank, token_store=TokenStore(store, SEAL, **options)),
    )


def test_processes_share_one_refresh_through_the_store(bank: FakeBank) -> None:
    bank.rotate = True
    one, other = two_clients(bank, MemoryStore(clock=bank.clock))
    tokens = one.save_tokens("alice@app", signed_in(one, bank).tokens)
    theirs = other.load_tokens("alice@app")
    assert theirs is not None
    together = threading.Barrier(2)

    def refresh(client: Client, held: Any) -> Any:
        together.wait()
        return client.refresh(held).access_token_for(None)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(refresh, one, tokens)
        second = pool.submit(refresh, other, theirs)
    assert first.result() == second.result()
    assert len(refreshes(bank)) == 1


@pytest.mark.spec("FAPI2-SP 5.3.3.1-6")
def test_a_rotated_token_is_in_the_store_before_it_is_used(bank: FakeBank) -> None:
    bank.rotate = True
    written: list[Any] = []
    one, other = two_clients(bank, MemoryStore(clock=bank.clock), on_change=written.append)
    tokens = one.save_tokens("alice@app", signed_in(one, bank).tokens)
    refreshed = one.refresh(tokens)
    loaded = other.load_tokens("alice@app")
    assert loaded is not None
    assert loaded.refresh_token == refreshed.refresh_token != tokens.refresh_token
    assert [entry.version for entry in written] == [1, 2]


def test_what_is_stored_is_sealed(bank: FakeBank) -> None:
    store = MemoryStore(clock=bank.clock)
    client, _ = two_clients(bank, store)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    everything = b"".join(value for value, _ in store._entries.values())
    for secret in (tokens.refresh_token, tokens.access_token_for(None)):
        assert secret is not None
        assert secret.reveal().encode() not in everything
    assert not any("alice" in key for key in store._entries)


class StallingStore(MemoryStore):
    """Lets somebody else publish between this process's refresh and its own publication."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.before_swap: Any = None

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        hook, self.before_swap = self.before_swap, None
        if hook is not None and ":lock" not in key:
            hook()
        return super().swap(key, expected, new, ttl)


def test_a_stalled_winner_cannot_overwrite_a_newer_token(bank: FakeBank) -> None:
    bank.rotate = True
    store = StallingStore(clock=bank.clock)
    one, other = two_clients(bank, store)
    tokens = one.save_tokens("alice@app", signed_in(one, bank).tokens)

    def another_process_publishes() -> None:
        newer = tokens.with_token(
            tokens.access_tokens[0],
            refresh_token=_secret("newer-refresh-token"),
            further_members={},
            received_at=bank.clock(),
        )
        store.put(tokens.key.store_key, SEAL.seal(newer.to_bytes(), tokens.key.store_key), 60)

    store.before_swap = another_process_publishes
    refreshed = one.refresh(tokens)
    assert refreshed.refresh_token == _secret("newer-refresh-token")
    loaded = other.load_tokens("alice@app")
    assert loaded is not None
    assert loaded.refresh_token == _secret("newer-refresh-token")
    assert loaded.access_token_for(None) == refreshed.access_token_for(None)


def _secret(value: str) -> Any:
    from fapikit import Secret

    return Secret(value)


def test_a_lock_left_behind_ends_by_itself(bank: FakeBank) -> None:
    store = MemoryStore(clock=bank.clock)
    one, _ = two_clients(bank, store)
    tokens = one.save_tokens("alice@app", signed_in(one, bank).tokens)
    store.put(f"{tokens.key.store_key}:lock", b"somebody who died", 20)
    bank.clock.advance(21)
    assert one.refresh(tokens).version == 2


class BrokenStore(MemoryStore):
    def add(self, key: str, value: bytes, ttl: float) -> bool:
        raise StoreUnavailable("down")


def test_a_store_that_does_not_answer_stops_the_refresh_before_the_call(bank: FakeBank) -> None:
    one, _ = two_clients(bank, BrokenStore(clock=bank.clock))
    healthy = Clients("sync").of(bank)
    tokens = signed_in(healthy, bank).tokens
    before = len(bank.calls("token"))
    with pytest.raises(StoreUnavailable):
        one.refresh(tokens)
    assert len(bank.calls("token")) == before
