"""What an authorization server said against a JWT that holds here is not forgotten, whatever anybody sends."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import pytest

from fapikit import errors as e
from fapikit.flow import Http, Shared, Sign
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.key_set import KeySet
from rskit import Allow, CannotDecide, IntrospectionLimits, Issuer, ResourceServer
from rskit import errors as rs
from rskit.possession.credentials import require_credentials
from rskit.request_view import RequestView
from rskit.tokens.cache import MAX_REFUSED
from rskit.tokens.introspected import INACTIVE
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.keys import a_key, b64, unb64
from tests.rskit.introspecting import METADATA, OPAQUE, asking, says
from tests.rskit.mothers import AS_KEY, a_server, a_token, a_view, allowed, decide, refused

ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def asking_and_verifying(**settings: Any) -> Issuer:
    return replace(asking(local_jwts=True, **settings), keys=KeySet([AS_KEY.public_key]))


class Server:
    """Answers anything; `revoked` tokens are inactive, and so is whatever it does not know."""

    def __init__(self, *good: str) -> None:
        self.good = set(good)
        self.asked = 0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "GET":
            return METADATA
        self.asked += 1
        sent = dict(pair.split("=") for pair in request.body.decode().split("&"))
        return says() if sent["token"] in self.good else says(active=False)


class Endless(Hand):
    """Answers as often as it is asked."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def _perform(self, effect: Any) -> Any:
        self._answers = [self.server]
        return super()._perform(effect)


def a_view_of(token: str) -> RequestView:
    return a_view(f"Bearer {token}")


def hear_that_it_is_revoked(server: ResourceServer, token: str, hand: Hand) -> None:
    passed = allowed(server, a_view_of(token), hand)
    with pytest.raises(rs.InactiveToken):
        hand.run(server.check_again(a_view_of(token), passed))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def hand() -> Endless:
    return Endless(Server())


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_no_number_of_made_up_tokens_makes_a_revoked_jwt_pass_again(clock: FrozenClock, hand: Endless):
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    hear_that_it_is_revoked(server, token, hand)
    for _ in range(MAX_REFUSED + 100):
        assert type(refused(server, a_view_of(secrets.token_urlsafe(16)), hand).error) is rs.InactiveToken
    assert len(server._tokens._cache._refused) <= MAX_REFUSED
    assert type(refused(server, a_view_of(token)).error) is rs.InactiveToken
    clock.advance(329)
    assert type(refused(server, a_view_of(token)).error) is rs.InactiveToken
    clock.advance(1)
    assert type(refused(server, a_view_of(token)).error) is e.Expired


def test_the_other_form_of_an_ecdsa_signature_is_the_same_token(clock: FrozenClock, hand: Endless):
    """(r, n - s) verifies wherever (r, s) does: who holds a token can write it in two ways."""
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    signed, _, signature = token.rpartition(".")
    r, s = unb64(signature)[:32], int.from_bytes(unb64(signature)[32:])
    other = f"{signed}.{b64(r + (ORDER_OF_P256 - s).to_bytes(32))}"
    remembered = allowed(server, a_view_of(other))
    hear_that_it_is_revoked(server, token, hand)
    assert type(refused(server, a_view_of(other)).error) is rs.InactiveToken
    server.forget(other)
    assert type(refused(server, a_view_of(other)).error) is rs.InactiveToken
    assert remembered.kind == "jwt"


def test_what_one_form_was_answered_does_not_serve_once_the_other_is_refused(clock: FrozenClock):
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    signed, _, signature = token.rpartition(".")
    r, s = unb64(signature)[:32], int.from_bytes(unb64(signature)[32:])
    other = f"{signed}.{b64(r + (ORDER_OF_P256 - s).to_bytes(32))}"
    hand = Endless(Server(token, other))
    hand.run(server.check_again(a_view_of(other), allowed(server, a_view_of(other), hand)))
    assert allowed(server, a_view_of(other)).kind == "introspected"
    clock.advance(1)
    hand.server.good.clear()
    hear_that_it_is_revoked(server, token, hand)
    assert type(refused(server, a_view_of(other)).error) is rs.InactiveToken


def test_an_operator_who_drops_what_is_remembered_does_not_undo_a_revocation(
    clock: FrozenClock, hand: Endless
):
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    hear_that_it_is_revoked(server, token, hand)
    server.forget(token)
    assert type(refused(server, a_view_of(token)).error) is rs.InactiveToken


def test_where_a_revocation_finds_no_room_jwts_are_asked_about(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    """A client with many tokens of its own, all revoked, must not make any of them pass again."""
    good = a_token()
    hand = Endless(Server(good))
    server = a_server(issuers=[asking_and_verifying()], clock=clock)
    monkeypatch.setattr(server._tokens._cache._revoked, "_max_entries", 10)
    allowed(server, a_view_of(good))
    theirs = [a_token(exp=int(NOW) + 200 - number) for number in range(15)]
    for token in theirs:
        passed = allowed(a_server(), a_view_of(token))
        with pytest.raises(rs.InactiveToken):
            hand.run(server.check_again(a_view_of(token), passed))
    asked = hand.server.asked
    for token in theirs:
        assert type(refused(server, a_view_of(token)).error) is rs.InactiveToken
    assert hand.server.asked == asked
    clock.advance(11)  # what there was no room for is remembered for ten seconds
    for token in theirs:
        assert type(refused(server, a_view_of(token), hand).error) is rs.InactiveToken
    asked = hand.server.asked
    assert allowed(server, a_view_of(good), hand).kind == "introspected"
    assert allowed(server, a_view_of(good)).kind == "introspected"
    assert hand.server.asked == asked + 1
    silent = Hand(e.Unreachable("no answer"))
    assert isinstance(decide(server, a_view_of(a_token()), silent), CannotDecide)
    clock.advance(208)  # of those that found no room the first ends last, a second from now
    assert allowed(server, a_view_of(good), hand).kind == "introspected"
    clock.advance(61)
    assert allowed(server, a_view_of(good)).kind == "jwt"
    assert len(server._tokens._cache._revoked) == 10


def test_a_refusal_that_comes_while_a_later_one_is_noted_stays(clock: FrozenClock, hand: Endless):
    """The answer to an older question does not end what a later one was told."""
    good = a_token()
    server = a_server(issuers=[asking_and_verifying()], clock=clock)
    passed = allowed(server, a_view_of(good))
    slow = server.check_again(a_view_of(good), passed)
    metadata = slow.send(None)
    assert isinstance(metadata, Shared)
    effect = slow.send(Hand(METADATA).run(metadata.start()))
    while isinstance(effect, Sign):
        effect = slow.send(effect.signer.sign(effect.signing_input))
    assert isinstance(effect, Http), "the question is on its way"
    clock.advance(1)
    hear_that_it_is_revoked(server, good, hand)
    with pytest.raises(rs.InactiveToken):
        slow.send(says())
    assert type(refused(server, a_view_of(good)).error) is rs.InactiveToken


def test_a_later_answer_ends_what_was_said_before(clock: FrozenClock):
    """Two routes ask at one time; who asked later is told that the token is active after all."""
    token = a_token()
    server, hand = a_server(issuers=[asking_and_verifying()], clock=clock), Endless(Server())
    passed = allowed(server, a_view_of(token))
    hear_that_it_is_revoked(server, token, hand)
    clock.advance(1)
    hand.server.good.add(token)
    hand.run(server.check_again(a_view_of(token), passed))
    assert allowed(server, a_view_of(token)).kind == "introspected"
    clock.advance(60)
    assert allowed(server, a_view_of(token)).kind == "jwt"


def test_what_does_not_fit_a_jwt_is_kept_from_strangers_too(clock: FrozenClock):
    """For ten seconds, as ever: a flood of made-up tokens does not shorten them."""
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    passed = allowed(server, a_view_of(token))
    with pytest.raises(e.WrongAudience):
        Hand(METADATA, says(aud="https://other.example")).run(server.check_again(a_view_of(token), passed))
    strangers = Endless(Server())
    for _ in range(MAX_REFUSED + 10):
        refused(server, a_view_of(secrets.token_urlsafe(16)), strangers)
    assert type(refused(server, a_view_of(token)).error) is e.WrongAudience
    clock.advance(10)
    allowed(server, a_view_of(token))


def test_a_stream_ends_with_the_revocation_that_another_request_was_told_of(
    clock: FrozenClock, hand: Endless
):
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    watch = server.watch(a_view_of(token), allowed(server, a_view_of(token)))
    assert not watch.due
    hear_that_it_is_revoked(server, token, hand)
    assert watch.due
    assert hand.run(watch.goes_on()) is False


def test_a_stream_of_a_jwt_that_may_have_been_revoked_is_asked_about(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    token = a_token(scope="accounts")
    server, hand = a_server(issuers=[asking_and_verifying()], clock=clock), Endless(Server(token))
    watch = server.watch(a_view_of(token), allowed(server, a_view_of(token)))
    monkeypatch.setattr(server._tokens._cache._revoked, "_max_entries", 0)
    hear_that_it_is_revoked(server, a_token(), hand)
    assert watch.due
    assert hand.run(watch.goes_on())
    assert (watch.token.kind, watch.due) == ("introspected", False)


def test_tokens_that_nobody_has_verified_are_only_cached(clock: FrozenClock):
    """That costs another question, and decides nothing."""
    hand = Endless(Server())
    server = a_server(issuers=[asking()], clock=clock)
    for token in (OPAQUE, a_token(a_key("ES256", 5))):
        assert type(refused(server, a_view_of(token), hand).error) is rs.InactiveToken
    assert len(server._tokens._cache._revoked) == 0


def test_an_answer_of_no_time_is_asked_for_each_time(clock: FrozenClock):
    hand = Endless(Server())
    server = a_server(issuers=[asking(limits=IntrospectionLimits(negative=0))], clock=clock)
    for number in range(3):
        refused(server, a_view_of(OPAQUE), hand)
        assert hand.server.asked == number + 1
    hand.server.good.add(OPAQUE)
    assert isinstance(decide(server, a_view_of(OPAQUE), hand), Allow)


def test_each_caller_has_an_error_of_its_own(clock: FrozenClock, hand: Endless):
    server, token = a_server(issuers=[asking_and_verifying()], clock=clock), a_token()
    hear_that_it_is_revoked(server, token, hand)
    raised = [refused(server, a_view_of(token)).error for _ in range(2)]
    assert raised[0] is not raised[1]
    assert INACTIVE not in raised
    assert INACTIVE.__traceback__ is None


def test_a_server_without_introspection_keeps_no_second_digest_of_its_tokens():
    server = a_server()
    view = a_view_of(a_token())
    allowed(server, view)
    entry = server._tokens._cache.accepted(require_credentials(view).digest)
    assert entry is not None
    assert entry.signed is None
