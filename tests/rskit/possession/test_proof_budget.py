"""One key's replay marks are bounded, so that no client can turn everybody's requests into 503s."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit import errors as e
from fapikit.stores import Seal, SealedStore
from rskit import Allow, Challenge, ResourceServer
from rskit import errors as rs
from rskit.possession import proof_budget
from rskit.possession.proof_budget import ProofBudget, proofs_of_one_key
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key
from tests.rskit.mothers import CLIENT_KEY, a_proof, a_server, a_view, allowed, bound_token, decide, refused
from tests.rskit.skins import SKINS

OTHER_KEY = a_key("ES256", 8)


class SharedStore:
    """Stands for one that has to be waited for, so that the check becomes a flow."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def a_proven_view(token: str, key: Any = CLIENT_KEY, **changes: Any) -> Any:
    return a_view(f"DPoP {token}", dpop=(a_proof(token, key, **changes),))


@pytest.fixture(params=["in one pass", "as a flow"])
def make(request: pytest.FixtureRequest) -> Any:
    def server(clock: FrozenClock, entries: int = 100, **settings: Any) -> ResourceServer:
        store: Any = MemoryStore(max_entries=entries, clock=clock)
        if request.param == "as a flow":
            store = SharedStore(store)
            settings.setdefault("proofs_per_key", entries // 5)
        return a_server(store=store, clock=clock, **settings)

    return server


@pytest.mark.spec("RFC 9449 11.1b")
def test_one_key_cannot_use_up_the_store_for_others(make: Any):
    clock = FrozenClock()
    server, token, other = make(clock), bound_token(), bound_token(OTHER_KEY)
    for _ in range(20):
        allowed(server, a_proven_view(token))
    for _ in range(100):
        refusal = refused(server, a_proven_view(token))
        assert isinstance(refusal, Challenge)
        assert (refusal.status, type(refusal.error)) == (429, rs.TooManyProofs)
    assert dict(refusal.headers)["retry-after"] == "1"
    allowed(server, a_proven_view(other, OTHER_KEY))


def test_a_key_that_never_rests_holds_less_than_half_of_the_store(make: Any):
    clock = FrozenClock()
    server = make(clock)
    token, other = bound_token(exp=int(NOW) + 9000), bound_token(OTHER_KEY, exp=int(NOW) + 9000)
    passed = 0
    for second in range(200):
        clock.advance(1)
        # The mark of a proof from the future lives longest: as long as any may.
        views = [a_proven_view(token, iat=int(NOW) + second + 31) for _ in range(3)]
        passed += sum(isinstance(decide(server, view), Allow) for view in views)
        live = sum(until > clock() for _, until in server.store._entries.values())
        assert live < 50
    assert passed >= 20 + 20 * 3  # its even share, as long as it asks
    allowed(server, a_proven_view(other, OTHER_KEY, iat=int(clock())))


def test_after_a_rest_a_key_may_ask_again(make: Any):
    clock = FrozenClock()
    server, token = make(clock), bound_token()
    for _ in range(20):
        allowed(server, a_proven_view(token))
    assert type(refused(server, a_proven_view(token)).error) is rs.TooManyProofs
    clock.advance(4)  # one twentieth of a mark's life is 3.25 s
    allowed(server, a_proven_view(token))
    assert type(refused(server, a_proven_view(token)).error) is rs.TooManyProofs


def test_rest_is_not_saved_up(make: Any):
    clock = FrozenClock()
    server, token = make(clock), bound_token(exp=int(NOW) + 9000)
    allowed(server, a_proven_view(token))
    clock.advance(600)
    views = [a_proven_view(token, iat=int(clock())) for _ in range(30)]
    assert sum(isinstance(decide(server, view), Allow) for view in views) == 20


def test_what_a_thief_replays_is_not_counted_against_the_key(make: Any):
    server, token = make(FrozenClock()), bound_token()
    stolen = a_proven_view(token)
    allowed(server, stolen)
    for _ in range(50):
        assert type(refused(server, stolen).error) is e.ReplayedProof
    for _ in range(19):
        allowed(server, a_proven_view(token))


def test_the_keys_that_are_remembered_are_few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proof_budget, "_MAX_KEYS", 8)
    budget = ProofBudget(1000)  # one proof is forgotten after 65 ms
    for number in range(100):
        now = NOW + number / 20
        budget.spend(f"key {number}", budget.require(f"key {number}", now), now)
        assert len(budget._empty_at) <= 8
    # Where all are busy at one time, the newest is still counted.
    for number in range(100):
        budget.spend(f"busy {number}", budget.require(f"busy {number}", NOW), NOW)
        assert len(budget._empty_at) <= 8
        assert f"busy {number}" in budget._empty_at


def test_who_has_used_up_its_share_is_not_forgotten_for_others_sake(monkeypatch: pytest.MonkeyPatch):
    """Whoever has tokens for very many keys could else begin anew with each of them."""
    monkeypatch.setattr(proof_budget, "_MAX_KEYS", 8)
    budget = ProofBudget(5)
    for _ in range(5):
        budget.spend("greedy", budget.require("greedy", NOW), NOW)
    for number in range(1000):
        with pytest.raises(rs.TooManyProofs):
            budget.require("greedy", NOW)
        budget.spend(f"key {number}", budget.require(f"key {number}", NOW), NOW)
        assert len(budget._empty_at) <= 8
    budget.require("greedy", NOW + 60)


def test_the_share_of_a_key_is_configured_and_positive():
    server, token = a_server(proofs_per_key=1), bound_token()
    allowed(server, a_proven_view(token))
    assert type(refused(server, a_proven_view(token)).error) is rs.TooManyProofs
    with pytest.raises(e.ConfigurationError, match="proofs_per_key"):
        a_server(proofs_per_key=0)
    sealed = SealedStore(MemoryStore(), Seal([b"k" * 32]))
    assert [proofs_of_one_key(store) for store in (MemoryStore(), sealed)] == [20_000, 20_000]
    assert proofs_of_one_key(SharedStore(MemoryStore())) == 100_000


@pytest.mark.parametrize("skin", sorted(SKINS))
def test_both_skins_say_too_many_requests(skin: str):
    call, token = SKINS[skin](a_server(proofs_per_key=1), {"/accounts": {}}), bound_token()
    statuses = [
        call("GET", "/accounts", [("authorization", f"DPoP {token}"), ("dpop", a_proof(token))]).status
        for _ in range(2)
    ]
    assert statuses == [200, 429]
