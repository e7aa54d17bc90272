"""Token sets of different grants, servers and moments: never mixed, never lost, never brought back."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from fapikit import MemoryStore, Secret
from fapikit.errors import Unreachable
from fapikit.secrets import revealed
from fapikit.stores.sealed import Seal
from rpkit import TokenStore
from rpkit.errors import ForeignTransaction, GrantEnded
from rpkit.grants.refresh_token import refresh
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank, Seen
from tests.rpkit.logins import signed_in

SEAL = Seal([b"s" * 32])


def stored_client(bank: FakeBank, store: MemoryStore | None = None, **options: Any) -> Any:
    store = MemoryStore() if store is None else store
    return Clients("sync").of(bank, token_store=TokenStore(store, SEAL), **options)


def refresh_calls(bank: FakeBank) -> list[Seen]:
    return [call for call in bank.calls("token") if call.form["grant_type"] == "refresh_token"]


def signed_in_at(bank: FakeBank) -> int:
    return int(bank.clock()) - 10


# --- a new login takes the place of the old grant ---------------------------------------------------


def test_a_holder_of_the_old_grant_does_not_overwrite_a_new_login(bank: FakeBank) -> None:
    client = stored_client(bank)
    old = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    old = client.refresh(client.refresh(old))  # its version is above that of any new login
    new = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    answered = client.refresh(old)
    stored = client.load_tokens("alice@app")
    assert stored.refresh_token == new.refresh_token
    assert stored.dpop == new.dpop
    assert answered.dpop == new.dpop
    assert answered.access_token_for(None) == new.access_token_for(None)


def test_two_customers_under_one_name_do_not_wait_for_one_refresh(bank: FakeBank) -> None:
    """Whoever came second would be handed the other one's tokens."""
    client = stored_client(bank)
    alice = client.save_tokens("joint@app", signed_in(client, bank).tokens)
    bank.user = {"sub": "bob"}
    bob = client.save_tokens("joint@app", signed_in(client, bank).tokens)
    keys = [next(refresh(client.bank, tokens)).key for tokens in (alice, bob, alice)]
    assert keys[0] == keys[2]
    assert keys[0] != keys[1]


def test_giving_the_old_grant_back_leaves_a_new_login_alone(bank: FakeBank) -> None:
    client = stored_client(bank)
    old = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    new = client.save_tokens("alice@app", client.refresh(signed_in(client, bank).tokens))
    client.revoke(old)
    given_back = [call.form["token"] for call in bank.calls("revoke") if call.status == 200]
    assert given_back == [old.refresh_token.reveal(), old.access_token_for(None).reveal()]
    assert client.load_tokens("alice@app") == new
    client.revoke(new)
    assert client.load_tokens("alice@app") is None


def test_a_login_saved_while_the_old_grant_is_given_back_stays(bank: FakeBank) -> None:
    """The server takes its time: what is forgotten afterwards is what was given back, not what lies there by then."""
    client = stored_client(bank)
    old = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    new: list[Any] = []

    def sign_in_meanwhile(_: Seen) -> None:
        if not new:
            new.append(client.save_tokens("alice@app", signed_in(client, bank).tokens))

    bank.faults["revoke_answer"] = sign_in_meanwhile
    client.revoke(old)
    assert client.load_tokens("alice@app") == new[0]


def test_what_is_refreshed_while_its_grant_is_given_back_goes_too(bank: FakeBank) -> None:
    """The other process publishes between our look and our write."""
    store = MemoryStore(clock=bank.clock)  # it stands still: what is forgotten is never seen half
    client = stored_client(bank, store)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    name, swap, swaps = tokens.key.store_key, store.swap, 0

    def published_before(key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        nonlocal swaps
        swaps += 1
        if swaps == 1:
            newer = tokens.with_refresh_token(Secret("a-newer-one"))
            store.put(name, SEAL.seal(newer.to_bytes(), name), 60)
        return swap(key, expected, new, ttl)

    store.swap = published_before  # type: ignore[method-assign]
    client.revoke(tokens)
    assert client.load_tokens("alice@app") is None


def test_a_login_of_another_customer_under_the_same_name_is_not_handed_to_the_old_holder(
    bank: FakeBank,
) -> None:
    client = stored_client(bank)
    old = client.save_tokens("joint@app", signed_in(client, bank).tokens)
    bank.user = {"sub": "bob"}
    new = client.save_tokens("joint@app", client.refresh(signed_in(client, bank).tokens))
    with pytest.raises(GrantEnded):
        client.refresh(old)
    assert client.load_tokens("joint@app").subject == new.subject == "bob"


def test_a_login_saved_during_a_refresh_keeps_its_key_and_tokens_to_itself(bank: FakeBank) -> None:
    client = stored_client(bank)
    old = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    new: list[Any] = []

    def login_meanwhile(call: Seen) -> None:
        if call.form["grant_type"] == "refresh_token" and not new:
            new.append(None)
            new[0] = client.save_tokens("alice@app", signed_in(client, bank).tokens)

    bank.faults["token_answer"] = login_meanwhile
    answered = client.refresh(old)
    stored = client.load_tokens("alice@app")
    assert stored.access_tokens == new[0].access_tokens
    assert stored.dpop == new[0].dpop
    assert answered.dpop == new[0].dpop
    assert answered.access_tokens == new[0].access_tokens


# --- what the server gave is not lost ---------------------------------------------------------------


def test_a_rotated_token_outlives_a_key_set_that_cannot_be_had(bank: FakeBank) -> None:
    bank.rotate = True
    client = stored_client(bank)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    same_login = signed_in_at(bank)
    bank.faults["refresh_id_token"] = lambda claims: {**claims, "auth_time": same_login}
    bank.clock.advance(100_000)

    def down(_: Any) -> Any:
        raise httpx.ConnectError("down")

    bank.faults["jwks"] = down
    with pytest.raises(Unreachable):
        client.refresh(tokens)
    stored = client.load_tokens("alice@app")
    assert stored.access_tokens == tokens.access_tokens  # nothing unverified is used
    del bank.faults["jwks"]
    bank.clock.advance(10)
    assert client.refresh(tokens).refresh_token != stored.refresh_token


def test_a_grant_that_another_process_has_just_rotated_has_not_ended(bank: FakeBank) -> None:
    """A winner whose lock ran out publishes while the next one's call is under way."""
    bank.rotate = True
    store = MemoryStore()
    client = stored_client(bank, store)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)

    def publish_meanwhile(call: Seen) -> Any:
        if call.form["grant_type"] != "refresh_token":
            return None
        fresh = tokens.access_tokens[0].__class__(
            value=Secret("a-newer-access-token"),
            token_type="DPoP",
            expires_at=bank.clock() + 900,
            scope=tokens.scope,
            authorization_details=(),
            resource=None,
        )
        newer = tokens.with_token(
            fresh, refresh_token=Secret("newer"), further_members={}, received_at=bank.clock()
        )
        store.put(tokens.key.store_key, SEAL.seal(newer.to_bytes(), tokens.key.store_key), 60)
        return 400, {}, {"error": "invalid_grant"}

    bank.faults["token_answer"] = publish_meanwhile
    assert client.refresh(tokens).access_token_for(None) == Secret("a-newer-access-token")


def test_a_grant_given_back_during_a_refresh_does_not_come_back(bank: FakeBank) -> None:
    client = stored_client(bank)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)
    revoked: list[bool] = []

    def revoke_meanwhile(call: Seen) -> None:
        if call.form["grant_type"] == "refresh_token" and not revoked:
            revoked.append(True)
            client.revoke(tokens)
            bank.refresh_tokens[call.form["refresh_token"]] = {"scope": "accounts"}

    bank.faults["token_answer"] = revoke_meanwhile
    with pytest.raises(GrantEnded):
        client.refresh(tokens)
    assert client.load_tokens("alice@app") is None


def test_a_failure_of_any_kind_gives_the_lock_back(bank: FakeBank) -> None:
    class Odd(Exception):
        """A KMS library's own error."""

    client = stored_client(bank)
    tokens = client.save_tokens("alice@app", signed_in(client, bank).tokens)

    def fail(_: Any) -> Any:
        raise Odd

    bank.faults["token_answer"] = fail
    with pytest.raises(Odd):
        client.refresh(tokens)
    del bank.faults["token_answer"]
    store = client.bank.settings.token_store
    time.sleep(0.002)  # an unlocked lock lasts a millisecond more
    assert client._run(store.lock(tokens.key, "next"))


# --- one answer of an API is one reason to refresh ----------------------------------------------------


def test_calls_refused_together_cause_one_refresh(bank: FakeBank) -> None:
    from rpkit.api.auth import api_target
    from rpkit.api.call import ApiAnswer

    client = stored_client(bank)
    target = api_target(client.bank, signed_in(client, bank).tokens, "https://bank.example", None, 1000)
    requests = [httpx.Request("GET", "https://bank.example/accounts", content=b"") for _ in range(3)]
    calls = [target.call(request) for request in requests]
    for call in calls:
        client._run(call.prepare())
    refused = ApiAnswer(401, ['DPoP error="invalid_token"'], [], [])
    sent_again = [revealed(dict(client._run(call.judge(refused)))["authorization"]) for call in calls]
    assert len(refresh_calls(bank)) == 1
    newest = target.held.tokens.access_token_for(None).reveal()
    assert set(sent_again) == {f"DPoP {newest}"}


# --- tokens of one server never reach another ---------------------------------------------------------


OTHER_ISSUER = "https://other.example/"


@pytest.mark.spec("RFC 9700 2.1d")
@pytest.mark.parametrize("what", ["revoke", "introspect", "save", "userinfo", "api"])
def test_tokens_of_another_server_are_refused_before_any_call(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    other = FakeBank(issuer=OTHER_ISSUER)
    login = signed_in(clients.of(bank), bank)
    stranger = clients.of(other)
    before = len(other.seen)
    acts: dict[str, Any] = {
        "revoke": lambda: stranger.revoke(login.tokens),
        "api": lambda: stranger.api(login.tokens, base_url="https://bank.example"),
        "introspect": lambda: stranger.introspect(login.tokens),
        "save": lambda: stranger.save_tokens("alice@app", login.tokens),
        "userinfo": lambda: stranger.userinfo(login),
    }
    with pytest.raises(ForeignTransaction):
        acts[what]()
    assert len(other.seen) == before
