"""One client with tokens for many keys cannot turn everybody's requests into 503s."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit.stores import Seal, SealedStore
from rskit import Allow, Challenge, ResourceServer
from rskit import errors as rs
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key
from tests.rskit.mothers import a_proof, a_server, a_token, a_view, allowed, decide

KEYS = [a_key("ES256", 20 + number) for number in range(8)]


@cache
def the_token(client: str, number: int) -> str:
    return a_token(client_id=client, cnf={"jkt": KEYS[number].thumbprint}, exp=int(NOW) + 9000)


def a_proven_view(client: str, number: int, **proof: Any) -> Any:
    """By one of eight keys in turn."""
    number %= len(KEYS)
    token = the_token(client, number)
    return a_view(f"DPoP {token}", dpop=(a_proof(token, KEYS[number], **proof),))


@pytest.fixture(params=["in one pass", "sealed"])
def make(request: pytest.FixtureRequest) -> Any:
    def server(clock: FrozenClock) -> ResourceServer:
        store: Any = MemoryStore(max_entries=100, clock=clock)
        if request.param == "sealed":
            store = SealedStore(store, Seal([b"k" * 32]))
        return a_server(store=store, clock=clock)

    return server


@pytest.mark.spec("RFC 9449 11.1b")
def test_one_client_with_many_keys_does_not_fill_the_store(make: Any):
    server = make(FrozenClock())
    outcomes = [decide(server, a_proven_view("greedy", number)) for number in range(150)]
    passed = [outcome for outcome in outcomes if not isinstance(outcome, Challenge)]
    assert len(passed) == 75 + 5
    last = outcomes[-1]
    assert isinstance(last, Challenge)
    assert (last.status, type(last.error)) == (429, rs.TooManyProofs)
    assert last.error.facts == {"client_id": "greedy"}
    # The others have a share of their own, and with many keys no more than that.
    assert sum(isinstance(decide(server, a_proven_view("modest", n)), Allow) for n in range(7)) == 5


def test_one_client_that_never_rests_leaves_room(make: Any):
    clock = FrozenClock()
    server = make(clock)
    number = 0
    for second in range(200):
        clock.advance(1)
        for _ in range(4):
            number += 1
            # The mark of a proof from the future lives longest.
            decide(server, a_proven_view("greedy", number, iat=int(NOW) + second + 31))
    allowed(server, a_proven_view("modest", 1, iat=int(clock())))


def test_what_has_expired_is_no_crowd(make: Any):
    clock = FrozenClock()
    server = make(clock)
    for number in range(75):
        allowed(server, a_proven_view("busy", number))
    clock.advance(100)
    for number in range(75):
        allowed(server, a_proven_view("busy", number, iat=int(clock())))
