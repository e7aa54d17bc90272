"""How long a signing key is believed: bounded whatever its server says, and never outlived by what it signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fapikit import KeyLimits
from fapikit import errors as e
from fapikit.jwks import REFETCHES_AT_ONCE
from rskit import Allow, CannotDecide, Issuer, ResourceServer
from rskit.issuers.book import _MAX_ISSUERS
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key
from tests.rskit.introspecting import METADATA, asking, says
from tests.rskit.mothers import AS_KEY, ISSUER, a_server, a_token, a_view, allowed, an_issuer, decide, refused

JWKS_URI = f"{ISSUER}/jwks"
NEW_KEY = a_key("ES256", 2)
A_DAY = "public, max-age=86400"


def jwks(*keys: Any, **headers: str) -> Any:
    return answer({"keys": [dict(key.public_jwk) for key in keys]}, **headers)


def view(key: Any = AS_KEY, **claims: Any) -> Any:
    return a_view(f"Bearer {a_token(key, **{'exp': int(NOW) + 90_000, **claims})}")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def a_server_of(clock: FrozenClock, **settings: Any) -> ResourceServer:
    return a_server(clock=clock, issuers=[Issuer(ISSUER, jwks_uri=JWKS_URI, **settings)])


@pytest.mark.spec("OIDC 10.1.1")
def test_a_withdrawn_key_takes_its_tokens_with_it_within_ten_minutes(clock: FrozenClock):
    server, hand, seen = a_server_of(clock), Hand(jwks(AS_KEY, cache_control=A_DAY)), view()
    allowed(server, seen, hand)
    hand.add([jwks(NEW_KEY, cache_control=A_DAY)])
    clock.advance(600)
    for request in (seen, view(), seen):
        assert type(refused(server, request, hand).error) is e.KeyNotFound
    assert len(hand.requests) == 2
    allowed(server, view(NEW_KEY))


def test_a_withdrawn_key_is_out_at_once_where_its_server_is_asked_before(clock: FrozenClock):
    server, hand, seen = a_server_of(clock), Hand(jwks(AS_KEY, cache_control=A_DAY)), view()
    allowed(server, seen, hand)
    clock.advance(10)
    hand.add([jwks(NEW_KEY)])
    allowed(server, view(NEW_KEY), hand)
    assert type(refused(server, seen).error) is e.KeyNotFound


def test_a_server_that_gives_no_keys_is_believed_for_an_hour(clock: FrozenClock):
    server, hand, seen = a_server_of(clock), Hand(jwks(AS_KEY, cache_control=A_DAY)), view()
    allowed(server, seen, hand)
    for _ in range(6):
        clock.advance(599)
        hand.add([e.Unreachable("down")])
        allowed(server, seen, hand)
        hand.run_background_ignoring(e.Unreachable)
    clock.advance(6)
    hand.add([e.Unreachable("down")])
    decision = decide(server, seen, hand)
    assert isinstance(decision, CannotDecide)
    assert dict(decision.headers)["retry-after"] == "5"


def test_a_bank_may_choose_less(clock: FrozenClock):
    server = a_server_of(clock, key_limits=KeyLimits(fresh=60, max_age=90))
    hand, seen = Hand(jwks(AS_KEY, cache_control=A_DAY)), view()
    allowed(server, seen, hand)
    clock.advance(60)
    hand.add([e.Unreachable("down"), e.Unreachable("down")])
    allowed(server, seen, hand)
    clock.advance(30)
    assert isinstance(decide(server, seen, hand), CannotDecide)


def test_limits_that_would_bound_nothing_are_refused():
    with pytest.raises(e.ConfigurationError, match="key_limits"):
        an_issuer(key_limits=KeyLimits(fresh=60))


def test_metadata_s_keys_have_the_same_limits(clock: FrozenClock):
    metadata = answer({"issuer": ISSUER, "jwks_uri": JWKS_URI})
    server = a_server(clock=clock, issuers=[Issuer(ISSUER, key_limits=KeyLimits(fresh=60, max_age=60))])
    hand, seen = Hand(metadata, jwks(AS_KEY, cache_control=A_DAY)), view()
    allowed(server, seen, hand)
    clock.advance(60)
    hand.add([e.Unreachable("down")])
    assert isinstance(decide(server, seen, hand), CannotDecide)


def test_a_stream_ends_with_the_key_of_its_token(clock: FrozenClock):
    server, hand, seen = a_server_of(clock), Hand(jwks(AS_KEY, cache_control=A_DAY)), view()
    watch = server.watch(seen, allowed(server, seen, hand))
    assert (watch.due, watch.wait) == (False, 60)
    clock.advance(480)
    assert watch.due
    assert hand.run(watch.goes_on()), "while the keys are fetched ahead of need"
    assert not watch.due
    hand.add([jwks(NEW_KEY)])
    hand.run_background()
    clock.advance(5)
    assert watch.due
    assert hand.run(watch.goes_on()) is False


def test_a_stream_goes_on_over_a_rotation_that_leaves_its_key(clock: FrozenClock):
    server, hand, seen = a_server_of(clock), Hand(jwks(AS_KEY)), view()
    watch = server.watch(seen, allowed(server, seen, hand))
    hand.add([jwks(AS_KEY, NEW_KEY)])
    clock.advance(600)
    assert watch.due
    assert hand.run(watch.goes_on())
    clock.advance(5)
    assert not watch.due


# --- an unknown kid ---


@pytest.mark.spec("OIDC 10.1.1")
def test_strangers_never_turn_honest_requests_into_401_when_keys_rotate(clock: FrozenClock):
    published = [AS_KEY]
    server, hand = a_server_of(clock), Hand(*[lambda _: jwks(*published)] * 200)
    allowed(server, view(), hand)
    statuses = set()
    for second in range(120):
        for number in range(5):
            junk = a_token(a_key("ES256", 9), header={"kid": f"made up {second} {number}"}, iat=int(clock()))
            assert not isinstance(decide(server, a_view(f"Bearer {junk}"), hand), Allow)
        if second == 60:
            published[:] = [NEW_KEY]
        if second >= 60:
            honest = decide(server, view(NEW_KEY, iat=int(clock())), hand)
            statuses.add(getattr(honest, "status", 200))
            if second >= 75:
                assert not isinstance(honest, CannotDecide), "the next refetch has brought the key"
        clock.advance(1)
    assert statuses <= {200, 503}
    assert len(hand.requests) <= 1 + REFETCHES_AT_ONCE + 120 // 15


def test_after_one_made_up_kid_a_new_key_is_found_at_once(clock: FrozenClock):
    server, hand = a_server_of(clock), Hand(jwks(AS_KEY), jwks(AS_KEY))
    allowed(server, view(), hand)
    unsigned = a_token(a_key("ES256", 9), iat=int(clock()))
    unsigned = unsigned.rpartition(".")[0] + "." + "A" * 86
    assert type(refused(server, a_view(f"Bearer {unsigned}"), hand).error) is e.KeyNotFound
    hand.add([jwks(AS_KEY, NEW_KEY)])
    allowed(server, view(NEW_KEY, iat=int(clock())), hand)


def test_old_tokens_of_a_key_that_is_gone_are_told_so_and_cost_nothing(clock: FrozenClock):
    """Their clients have to fetch new ones, after an emergency all at one time."""
    server, hand = a_server_of(clock), Hand(jwks(NEW_KEY))
    clock.advance(3600)
    for _ in range(20):
        assert type(refused(server, view(iat=int(NOW)), hand).error) is e.KeyNotFound
    assert len(hand.requests) == 1


def test_an_empty_bucket_is_503_with_retry_after(clock: FrozenClock, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "rskit")
    server, hand = a_server_of(clock), Hand(*[jwks(AS_KEY)] * 5)
    allowed(server, view(), hand)
    for number in range(REFETCHES_AT_ONCE):
        refused(server, view(a_key("ES256", 9), iat=int(clock()), jti=f"{number}"), hand)
    decision = decide(server, view(NEW_KEY, iat=int(clock())), hand)
    assert isinstance(decision, CannotDecide)
    assert (decision.status, type(decision.error)) == (503, e.KeyUndecided)
    assert dict(decision.headers)["retry-after"] == "5"
    assert not any(name == "www-authenticate" for name, _ in decision.headers)
    said = caplog.records[-1]
    assert (said.levelname, said.rskit.facts) == ("INFO", {"kid": NEW_KEY.kid}), "strangers raise no alarm"  # type: ignore[attr-defined]


# --- issuers that a function names ---


def test_naming_a_thousand_issuers_makes_no_honest_one_be_forgotten(clock: FrozenClock):
    """A function that knows every tenant of a provider is asked for any of them by anybody."""

    def known(iss: str) -> Issuer:
        return an_issuer() if iss == ISSUER else Issuer(iss, jwks_uri=f"{iss}/jwks")

    server = a_server(clock=clock, issuers=known)
    allowed(server, view())
    (honest,) = server._issuers.all()
    for number in range(_MAX_ISSUERS + 50):
        made_up = a_token(iss=f"https://{number}.example")
        outcome = decide(server, a_view(f"Bearer {made_up}"), Hand(e.Unreachable("no such tenant")))
        assert isinstance(outcome, CannotDecide)
        assert len(server._issuers.all()) <= _MAX_ISSUERS
    assert honest in server._issuers.all()


def test_an_issuer_that_was_asked_about_its_tokens_is_an_honest_one(clock: FrozenClock):
    server = a_server(clock=clock, issuers=lambda iss: replace(asking(), url=iss))
    allowed(server, view(), Hand(METADATA, says()))
    (honest,) = server._issuers.all()
    for number in range(_MAX_ISSUERS + 50):
        made_up = a_token(iss=f"https://{number}.example")
        decide(server, a_view(f"Bearer {made_up}"), Hand(e.Unreachable("no such tenant")))
    assert honest in server._issuers.all()


def test_an_issuer_whose_configuration_changes_takes_no_other_s_place(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rskit.issuers.book._MAX_ISSUERS", 10)
    names = [f"https://{number}.example" for number in range(10)]
    known = {name: Issuer(name, keys=an_issuer().keys) for name in names}
    server = a_server(clock=clock, issuers=known.get)
    for iss in known:
        allowed(server, view(iss=iss))
    changed = list(known)[1]
    known[changed] = replace(known[changed], name="changed")
    allowed(server, view(iss=changed))
    assert [trusted.config.url for trusted in server._issuers.all()] == list(known)


def test_of_issuers_that_have_all_signed_for_something_the_oldest_are_forgotten(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rskit.issuers.book._MAX_ISSUERS", 20)

    def known(iss: str) -> Issuer:
        return Issuer(iss, keys=an_issuer().keys)

    server = a_server(clock=clock, issuers=known)
    for number in range(50):
        allowed(server, view(iss=f"https://{number}.example"))
        assert len(server._issuers.all()) <= 20
    assert server._issuers.all()[-1].config.url == "https://49.example"
