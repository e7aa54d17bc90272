"""Introspected tokens: what the server says is checked like a JWT's claims, cached with care, and never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fapikit import errors as e
from fapikit.client_authentication import ClientSecretBasic
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.key_set import KeySet
from rskit import CannotDecide, Introspection, IntrospectionLimits, Issuer
from rskit import errors as rs
from rskit.access import Access
from rskit.answers.hints import hint_for
from rskit.policy.checked_request import CheckedRequest
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from rskit.tokens.cache import AcceptedToken, RefusedToken, TokenCache
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand, answer
from tests.keys import mint
from tests.rskit.introspecting import JWKS, METADATA, OPAQUE, asking, members, says
from tests.rskit.mothers import (
    AS_KEY,
    CLIENT_KEY,
    ISSUER,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    decide,
    refused,
)


@pytest.mark.parametrize("keys", [None, KeySet([AS_KEY.public_key])], ids=["no keys", "keys at hand"])
def test_an_opaque_token_is_asked_about_once_for_a_minute(keys: KeySet | None):
    clock = FrozenClock()
    server = a_server(issuers=[replace(asking(), keys=keys)], clock=clock)
    hand = Hand(METADATA, says())
    view = a_view(f"Bearer {OPAQUE}")
    token = allowed(server, view, hand)
    assert (token.kind, token.subject, token.scopes) == ("introspected", "alice", {"accounts"})
    assert token.audience == (RESOURCE,)
    clock.advance(59)
    allowed(server, view)
    clock.advance(1)
    hand.add([says(active=False)])
    assert type(refused(server, view, hand).error) is rs.InactiveToken


def test_a_token_that_is_not_active_may_be_one_of_which_this_api_is_told_nothing():
    refusal = refused(
        a_server(issuers=[asking()]), a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(active=False))
    )
    assert "tells this client_id nothing about tokens for this API" in (hint_for(refusal.error) or "")


def test_the_api_signs_in_with_its_own_key():
    server, hand = a_server(issuers=[asking()]), Hand(METADATA, says())
    allowed(server, a_view(f"Bearer {OPAQUE}"), hand)
    sent = hand.requests[1].body.decode()
    assert "client_assertion_type=" in sent
    assert "client_id=the-api" in sent
    assert OPAQUE not in hand.requests[1].url


REFUSED: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"active": False}, rs.InactiveToken),
    ({"aud": None}, e.MissingClaim),
    ({"aud": "https://other.example"}, e.WrongAudience),
    ({"aud": []}, e.MalformedClaim),
    ({"iss": "https://evil.example"}, e.WrongIssuer),
    ({"exp": int(NOW) - 30}, e.Expired),
    ({"nbf": int(NOW) + 31}, e.NotYetValid),
    ({"token_type": "DPoP"}, rs.UnknownConfirmation),
    ({"token_type": "refresh_token"}, rs.NotAnAccessToken),
    ({"token_type": "N_A"}, rs.NotAnAccessToken),
    ({"token_type": "DPoP", "cnf": None}, rs.UnknownConfirmation),
    ({"cnf": {"kid": "k"}}, rs.UnknownConfirmation),
    ({"cnf": {}}, rs.UnknownConfirmation),
    ({"act": {}}, e.MalformedClaim),
    ({"act": {"sub": 7}}, e.MalformedClaim),
    ({"cnf": {"jkt": "short"}}, e.MalformedClaim),
]


@pytest.mark.parametrize(("changes", "error"), REFUSED, ids=str)
def test_what_the_answer_says_is_checked(changes: dict[str, Any], error: type[Exception]):
    server = a_server(issuers=[asking()])
    refusal = refused(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(**changes)))
    assert type(refusal.error) is error
    assert (refusal.status, json.loads(refusal.body)["error"]) == (401, "invalid_token")
    # Remembered for a moment: the second request asks nobody.
    assert type(refused(server, a_view(f"Bearer {OPAQUE}")).error) is error


@pytest.mark.parametrize("named", ["Bearer", "bearer", "BEARER", None])
def test_the_type_of_an_access_token_is_read_without_case(named: str | None):
    server = a_server(issuers=[asking()])
    allowed(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(token_type=named)))


@pytest.mark.parametrize(
    ("local_jwts", "token"),
    [(False, OPAQUE), (True, OPAQUE), (False, a_token())],
    ids=["opaque", "opaque, JWTs here", "a JWT"],
)
def test_a_refusal_is_remembered_for_ten_seconds(local_jwts: bool, token: str):
    clock = FrozenClock()
    server = a_server(issuers=[asking(local_jwts=local_jwts)], clock=clock)
    view, hand = a_view(f"Bearer {token}"), Hand(METADATA, says(active=False), says())
    refused(server, view, hand)
    clock.advance(9)
    refused(server, view)
    clock.advance(1)
    allowed(server, view, hand)


BROKEN: dict[str, HttpResponse | Exception] = {
    "500": answer("no", 500),
    "401 to us": answer({"error": "invalid_client"}, 401),
    "not JSON": answer(b"<html>"),
    "truncated": answer(b'{"active": true, "su'),
    "active is a string": answer({"active": "true"}),
    "active is 1": answer({"active": 1}),
    "a list": answer([True]),
    "exp is a string": answer({"active": True, "exp": "soon"}),
    "a timeout": e.Unreachable("no answer"),
    "a redirect": e.UnexpectedRedirect("elsewhere"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_is_503_and_never_remembered(how: str):
    clock = FrozenClock()
    server, hand = a_server(issuers=[asking()], clock=clock), Hand(METADATA, BROKEN[how], says())
    view = a_view(f"Bearer {OPAQUE}")
    decision = decide(server, view, hand)
    assert isinstance(decision, CannotDecide)
    assert (decision.status, dict(decision.headers)["retry-after"]) == (503, "5")
    assert not any(name == "www-authenticate" for name, _ in decision.headers)
    clock.advance(5)
    allowed(server, view, hand)


@pytest.mark.spec("RFC 9449 6")
def test_an_introspected_token_is_bound_as_a_jwt_is():
    server = a_server(issuers=[asking()], profile="fapi2-security", nonces=False)
    bound = says(token_type="DPoP", cnf={"jkt": CLIENT_KEY.thumbprint})
    hand = Hand(METADATA, bound)
    allowed(server, a_view(f"DPoP {OPAQUE}", dpop=(a_proof(OPAQUE),)), hand)
    assert type(refused(server, a_view(f"Bearer {OPAQUE}")).error) is rs.WrongScheme
    assert type(refused(server, a_view(f"DPoP {OPAQUE}")).error) is e.MissingProof


def test_an_answer_without_aud_passes_only_where_that_is_configured():
    server = a_server(issuers=[asking(aud_required=False)])
    allowed(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(aud=None)))
    other = a_server(issuers=[asking(aud_required=False)])
    refusal = refused(other, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says(aud="https://other.example")))
    assert type(refusal.error) is e.WrongAudience


def test_nothing_lives_longer_than_the_token():
    clock = FrozenClock()
    server, hand = (
        a_server(issuers=[asking()], clock=clock),
        Hand(METADATA, says(exp=int(NOW) + 20), says(active=False)),
    )
    view = a_view(f"Bearer {OPAQUE}")
    allowed(server, view, hand)
    clock.advance(20)
    assert type(refused(server, view, hand).error) is rs.InactiveToken


@pytest.mark.parametrize("keys", [None, KeySet([AS_KEY.public_key])], ids=["fetched", "at hand"])
def test_a_jwt_of_an_issuer_that_is_asked_is_asked_about(keys: KeySet | None):
    server = a_server(issuers=[replace(asking(), keys=keys)])
    token = allowed(server, a_view(f"Bearer {a_token()}"), Hand(METADATA, says()))
    assert token.kind == "introspected"
    assert "active" not in token.claims


@pytest.mark.parametrize("opaque", [OPAQUE, "a.b.c", "a.b", "eyOPAQUE", "ey.b", "ey.b.c.d"])
def test_what_is_no_jwt_is_opaque(opaque: str):
    server = a_server(issuers=[replace(asking(), keys=KeySet([AS_KEY.public_key]))])
    assert allowed(server, a_view(f"Bearer {opaque}"), Hand(METADATA, says())).kind == "introspected"


def test_where_nobody_is_asked_fresh_means_verified_here():
    server, view = a_server(), a_view(f"Bearer {a_token()}")
    token = allowed(server, view)
    fresh = Hand().run(server.check_again(view, token))
    assert fresh.kind == "jwt"
    assert fresh is not token


def test_jwts_may_be_verified_here_and_asked_about_on_fresh_routes_alone():
    server, hand = a_server(issuers=[asking(local_jwts=True)]), Hand(METADATA, JWKS, says(active=False))
    view = a_view(f"Bearer {a_token()}")
    token = allowed(server, view, hand)
    assert token.kind == "jwt"
    checked = CheckedRequest(server, view, token)
    with pytest.raises(rs.InactiveToken):
        hand.run(checked.require_fresh(Access("accounts", fresh=True)))
    # What this process has been told holds for every route from now on.
    assert type(refused(server, view, hand).error) is rs.InactiveToken


def test_fresh_never_answers_from_a_cache():
    server, hand = a_server(issuers=[asking()]), Hand(METADATA, says(), says(active=False))
    view = a_view(f"Bearer {OPAQUE}")
    token = allowed(server, view, hand)
    with pytest.raises(rs.InactiveToken):
        hand.run(CheckedRequest(server, view, token).require_fresh(Access(fresh=True)))


def test_opaque_tokens_go_to_one_issuer_alone():
    second = Issuer("https://second.example", introspection=asking().introspection)
    with pytest.raises(e.ConfigurationError, match="one issuer only"):
        a_server(issuers=[asking(), second])
    server = a_server()
    assert type(refused(server, a_view(f"Bearer {OPAQUE}")).error) is rs.UnknownIssuer


def test_limits_are_bounded():
    with pytest.raises(e.ConfigurationError):
        IntrospectionLimits(positive=3600)


def test_an_answer_that_is_forgotten_is_asked_for_again():
    server, hand = a_server(issuers=[asking()]), Hand(METADATA, says())
    view = a_view(f"Bearer {OPAQUE}")
    allowed(server, view, hand)
    for said, check in ((says(active=False), refused), (says(), allowed)):
        server.forget(OPAQUE)
        hand.add([said])
        check(server, view, hand)


# --- many at a time ---


def hears_that_it_is_inactive(server: ResourceServer, view: RequestView, *before: HttpResponse) -> None:
    """A route with `fresh=True`, which asks anew."""
    passed = allowed(a_server(), a_view(f"Bearer {a_token()}"))
    with pytest.raises(rs.InactiveToken):
        Hand(*before, says(active=False)).run(server.check_again(view, passed))


def test_a_refusal_ends_what_was_believed_before():
    clock = FrozenClock()
    server, view = a_server(issuers=[asking()], clock=clock), a_view(f"Bearer {OPAQUE}")
    allowed(server, view, Hand(METADATA, says()))
    hears_that_it_is_inactive(server, view)
    clock.advance(10)  # the first answer would serve for fifty seconds more
    refused(server, view, Hand(says(active=False)))


def test_a_later_answer_ends_a_refusal():
    clock = FrozenClock()
    server, view = a_server(issuers=[asking()], clock=clock), a_view(f"Bearer {OPAQUE}")
    token = allowed(server, view, Hand(METADATA, says()))
    hears_that_it_is_inactive(server, view)
    clock.advance(1)
    Hand(says()).run(server.check_again(view, token))
    allowed(server, view)


def test_a_jwt_that_is_said_to_be_inactive_is_refused_to_its_end():
    clock = FrozenClock()
    server = a_server(
        issuers=[replace(asking(local_jwts=True), keys=KeySet([AS_KEY.public_key]))], clock=clock
    )
    view = a_view(f"Bearer {a_token(exp=int(NOW) + 100)}")
    hears_that_it_is_inactive(server, view, METADATA)
    clock.advance(129)
    assert type(refused(server, view).error) is rs.InactiveToken
    clock.advance(1)
    assert type(refused(server, view).error) is e.Expired


def test_a_jwt_whose_answer_does_not_fit_is_refused_for_ten_seconds():
    clock = FrozenClock()
    server = a_server(issuers=[asking(local_jwts=True)], clock=clock)
    view = a_view(f"Bearer {a_token()}")
    token, hand = allowed(server, view, Hand(METADATA, JWKS)), Hand(says(aud="https://other.example"))
    with pytest.raises(e.WrongAudience):
        hand.run(server.check_again(view, token))
    assert type(refused(server, view).error) is e.WrongAudience
    clock.advance(10)
    allowed(server, view)


def test_who_joins_an_older_question_believes_no_older_answer():
    clock = FrozenClock()
    server, view = a_server(issuers=[asking()], clock=clock), a_view(f"Bearer {OPAQUE}")
    first, joining = server.check(view), server.check(view)
    asked = Hand(METADATA, says()).run(next(first).start())
    clock.advance(1)
    hears_that_it_is_inactive(server, view)
    clock.advance(1)
    next(joining)
    with pytest.raises(StopIteration) as ended:
        joining.send(asked)
    assert type(ended.value.value.error) is rs.InactiveToken
    refused(server, view)


def test_an_answer_serves_from_the_moment_of_the_question():
    clock = FrozenClock()
    server, view = a_server(issuers=[asking()], clock=clock), a_view(f"Bearer {OPAQUE}")

    def late(_: HttpRequest) -> HttpResponse:
        clock.advance(4)
        return says()

    allowed(server, view, Hand(METADATA, late))
    clock.advance(55.9)
    allowed(server, view)
    clock.advance(0.1)
    allowed(server, view, Hand(says()))


def test_a_refusal_that_comes_while_an_answer_is_noted_stays():
    cache = TokenCache()
    old, new = (
        RefusedToken(rs.InactiveToken(said), asked_at, NOW + 60)
        for said, asked_at in (("old", NOW), ("new", NOW + 2))
    )
    entry = AcceptedToken(allowed(a_server(), a_view(f"Bearer {a_token()}")), None, NOW + 60, None)  # type: ignore[arg-type]
    note = cache._accepted.put

    def and_then_another_thread(*arguments: Any) -> None:
        note(*arguments)
        cache.refuse(b"digest", new, NOW + 2)

    cache._accepted.put = and_then_another_thread  # type: ignore[method-assign]
    cache.refuse(b"digest", old, NOW)
    assert cache.accept(b"digest", entry, NOW + 1, NOW + 2) is None
    assert cache.refused(b"digest") is new
    assert cache.accept(b"digest", entry, NOW + 1, NOW + 2) is new.error
    assert cache.accept(b"digest", entry, NOW + 2, NOW + 2) is None


def test_what_another_request_hears_while_keys_are_fetched_counts():
    server, view = a_server(issuers=[asking(local_jwts=True)]), a_view(f"Bearer {a_token()}")
    waiting = server.check(view)
    hears_that_it_is_inactive(server, view, METADATA, JWKS)
    assert type(Hand().run(waiting).error) is rs.InactiveToken


# --- RFC 9701 ---


def signed_answer(
    change: Callable[[dict[str, Any]], None] = lambda _: None, **header: Any
) -> Callable[..., Any]:
    def respond(request: HttpRequest) -> HttpResponse:
        assert ("accept", "application/token-introspection+jwt") in request.headers
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "the-api",
            "iat": int(NOW),
            "token_introspection": members(),
        }
        change(claims)
        jwt = mint(claims, AS_KEY, typ=header.pop("typ", "token-introspection+jwt"), **header)
        return answer(jwt, media_type="application/token-introspection+jwt")

    return respond


def test_message_signing_demands_a_signed_answer_and_verifies_it():
    server = a_server(issuers=[asking(signed=True)])
    assert (
        allowed(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, signed_answer(), JWKS)).subject == "alice"
    )


UNSIGNED: dict[str, Any] = {
    "plain JSON": lambda request: says(),
    "another audience": signed_answer(lambda claims: claims.update(aud="another-api")),
    "another issuer": signed_answer(lambda claims: claims.update(iss="https://evil.example")),
    "an old answer": signed_answer(lambda claims: claims.update(iat=int(NOW) - 600)),
    "an access token": signed_answer(typ="at+jwt"),
    "active outside only": signed_answer(lambda claims: claims.update(token_introspection={}, active=True)),
}


@pytest.mark.spec("FAPI2-MS 5.5.2-2")
@pytest.mark.parametrize("how", UNSIGNED)
def test_an_answer_that_is_not_signed_as_it_must_be_decides_nothing(how: str):
    server = a_server(issuers=[asking()], profile="fapi2-message-signing")
    decision = decide(server, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, UNSIGNED[how], JWKS))
    assert isinstance(decision, CannotDecide), decision


def test_an_api_may_sign_in_with_a_secret_where_the_profile_allows_it():
    secret = ClientSecretBasic("a secret of at least thirty-two octets")
    issuer = Issuer(ISSUER, introspection=Introspection("the-api", secret))
    hand = Hand(METADATA, says())
    allowed(a_server(issuers=[issuer]), a_view(f"Bearer {OPAQUE}"), hand)
    sent = dict(hand.requests[1].headers)
    assert sent["authorization"].startswith("Basic ")
    with pytest.raises(e.ForbiddenByProfile):
        a_server(issuers=[issuer], profile="fapi2-security")
