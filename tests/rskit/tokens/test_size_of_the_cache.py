"""What a cached token costs: at most 1 KB if it is an ordinary JWT, and few objects for the garbage collector."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from rskit import Allow
from rskit.access import Access
from tests.clocks import NOW
from tests.rskit.mothers import a_server, a_token, a_view, allowed

MANY = 300


@pytest.fixture(autouse=True)
def _no_collection_meanwhile():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def a_jwt(number: int) -> str:
    return a_token(sub=f"user {number}", jti=f"{number:032d}")


def test_an_ordinary_jwt_takes_at_most_1_kb():
    server = a_server()
    views = [a_view(f"Bearer {a_jwt(number)}") for number in range(MANY)]
    allowed(server, a_view(f"Bearer {a_jwt(MANY)}"))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for view in views:
            server.check(view)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / MANY <= 1024


def test_the_collector_visits_few_objects_of_a_cached_token():
    server = a_server()
    views = [a_view(f"Bearer {a_jwt(number)}") for number in range(MANY)]
    allowed(server, a_view(f"Bearer {a_jwt(MANY)}"))
    gc.collect()
    before = len(gc.get_objects())
    for view in views:
        server.check(view)
    gc.collect()
    assert (len(gc.get_objects()) - before) / MANY <= 2.1


def test_tokens_share_what_they_say_alike():
    server = a_server()
    one, other = (allowed(server, a_view(f"Bearer {a_jwt(number)}")) for number in (1, 2))
    assert all(name is same for name, same in zip(one.claims, other.claims, strict=True))
    assert all(one.claims[name] is other.claims[name] for name in ("iss", "aud", "client_id"))
    assert one.audience is other.audience
    assert one.subject != other.subject


def test_the_claims_of_one_token_are_not_those_of_another():
    server = a_server()
    plain, more = (allowed(server, a_view(f"Bearer {token}")) for token in (a_jwt(1), a_token(acr="gold")))
    assert "acr" not in plain.claims
    assert more.claims["acr"] == "gold"
    Access(acr="gold").require(more, now=NOW)


def test_tokens_with_as_many_but_other_claims_have_their_own_and_share_with_their_like():
    server = a_server()
    named = ("acr", "azp", "acr", "azp")
    tokens = [
        allowed(server, a_view(f"Bearer {a_token(jti=f'{number:032d}', **{name: 'x'})}"))
        for number, name in enumerate(named)
    ]
    for token, name in zip(tokens, named, strict=True):
        assert {"acr", "azp"} & set(token.claims) == {name}
    for one, like in ((tokens[0], tokens[2]), (tokens[1], tokens[3])):
        assert all(name is same for name, same in zip(one.claims, like.claims, strict=True))


def test_each_request_with_a_cached_token_gets_a_plain_decision_that_nobody_can_change():
    server, view = a_server(), a_view(f"Bearer {a_jwt(1)}")
    decision = server.check(view)
    assert type(decision) is Allow, "applications may ask so"
    again = server.check(view)
    assert type(again) is Allow
    assert again.token is decision.token
    with pytest.raises(AttributeError):
        decision.token = decision.token  # type: ignore[misc]
