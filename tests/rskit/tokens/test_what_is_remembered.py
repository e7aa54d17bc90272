"""A cached decision never outlives the token, its key, the configuration, or a revocation this process was told of."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import errors as e
from fapikit.dpop import ProcessNonceIssuer
from fapikit.jose.key_set import KeySet
from rskit import Issuer
from rskit import errors as rs
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.forks import in_child
from tests.hands import Hand, answer
from tests.keys import a_key
from tests.rskit.introspecting import METADATA, asking, says
from tests.rskit.mothers import (
    AS_KEY,
    ISSUER,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    an_issuer,
    bound_token,
    decide,
    refused,
)

JWKS_URI = f"{ISSUER}/jwks"


def jwks(*keys: object) -> object:
    return answer({"keys": [dict(key.public_jwk) for key in keys]})  # type: ignore[attr-defined]


def test_a_token_is_not_remembered_past_its_end():
    clock = FrozenClock()
    server, view = a_server(clock=clock), a_view(f"Bearer {a_token(exp=int(NOW) + 60)}")
    allowed(server, view)
    clock.advance(89)
    allowed(server, view)
    clock.advance(1)
    assert type(refused(server, view).error) is e.Expired


def test_a_token_that_ends_while_keys_are_fetched_is_over():
    clock = FrozenClock()
    server = a_server(clock=clock, issuers=[Issuer(ISSUER, jwks_uri=JWKS_URI)])

    def late(_: object) -> object:
        clock.advance(5)
        return jwks(AS_KEY)

    view = a_view(f"Bearer {a_token(exp=int(NOW) - 26)}")
    assert type(refused(server, view, Hand(late)).error) is e.Expired  # type: ignore[arg-type]


def test_a_token_is_not_remembered_past_its_greatest_age():
    clock = FrozenClock()
    server = a_server(clock=clock, issuers=[an_issuer(max_token_age=60)])
    view = a_view(f"Bearer {a_token(iat=int(NOW))}")
    allowed(server, view)
    clock.advance(91)
    assert type(refused(server, view).error) is e.TooOld


@pytest.mark.spec("OIDC 10.1.1")
def test_a_key_that_is_gone_takes_its_tokens_with_it():
    clock = FrozenClock()
    server = a_server(clock=clock, issuers=[Issuer(ISSUER, jwks_uri=JWKS_URI)])
    view = a_view(f"Bearer {a_token(exp=int(NOW) + 3600)}")
    hand = Hand(jwks(AS_KEY))
    allowed(server, view, hand)
    allowed(server, view)  # nothing is asked again
    other = a_key("ES256", 2)
    hand.add([jwks(other)])
    # Another token, of a key not known yet, makes the server fetch: from then on the first key is gone.
    clock.advance(40)
    allowed(server, a_view(f"Bearer {a_token(other)}"), hand)
    assert type(refused(server, view).error) is e.KeyNotFound
    assert len(hand.requests) == 2


def test_keys_are_refreshed_although_every_token_was_seen_before():
    clock = FrozenClock()
    server = a_server(clock=clock, issuers=[Issuer(ISSUER, jwks_uri=JWKS_URI)])
    view = a_view(f"Bearer {a_token(exp=int(NOW) + 9000)}")
    hand = Hand(jwks(AS_KEY))
    allowed(server, view, hand)
    clock.advance(481)  # past 80 % of ten minutes
    allowed(server, view, hand)
    assert len(hand.background) == 1
    hand.add([jwks(a_key("ES256", 2))])
    hand.run_background()
    clock.advance(31)
    hand.add([jwks(a_key("ES256", 2))])
    assert type(refused(server, view, hand).error) is e.KeyNotFound


def test_a_revocation_holds_at_once_for_cached_tokens_too():
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    server = a_server(clock=clock, denylist=denylist)
    tokens = {name: a_token(**{name: f"a {name}"}) for name in ("jti", "sub", "client_id")}
    views = {name: a_view(f"Bearer {token}") for name, token in tokens.items()}
    for view in views.values():
        allowed(server, view)
    denylist.revoke(ISSUER, jti="a jti", until=NOW + 300)
    denylist.revoke(ISSUER, subject="a sub", until=NOW + 300)
    denylist.revoke(ISSUER, client_id="a client_id", until=NOW + 300)
    with pytest.raises(rs.NothingRevoked):
        denylist.revoke("https://other.example", subject="alice", until=NOW + 300)
    for view in views.values():
        assert type(refused(server, view).error) is rs.RevokedToken
    allowed(server, a_view(f"Bearer {a_token()}"))


@pytest.mark.parametrize(
    ("issuer", "answers"),
    [(Issuer(ISSUER, jwks_uri=JWKS_URI), [jwks(AS_KEY)]), (asking(), [METADATA, says()])],
    ids=["keys are fetched", "asked about"],
)
def test_a_revocation_holds_for_a_token_that_something_had_to_be_asked_for(
    issuer: Issuer, answers: list[Any]
):
    clock = FrozenClock()
    denylist = Denylist(clock=clock)
    denylist.revoke(ISSUER, subject="alice", until=NOW + 300)
    server = a_server(clock=clock, denylist=denylist, issuers=[issuer])
    assert type(refused(server, a_view(f"Bearer {a_token()}"), Hand(*answers)).error) is rs.RevokedToken


def test_possession_is_proven_on_every_request():
    server, token = a_server(), bound_token()
    allowed(server, a_view(f"DPoP {token}", dpop=(a_proof(token),)))
    assert type(refused(server, a_view(f"DPoP {token}")).error) is e.MissingProof
    thief = a_proof(token, a_key("ES256", 8))
    assert type(refused(server, a_view(f"DPoP {token}", dpop=(thief,))).error) is e.WrongProofKey
    assert type(refused(server, a_view(f"Bearer {token}")).error) is rs.WrongScheme


def test_an_issuer_that_the_function_no_longer_names_is_forgotten():
    trusted = {ISSUER: an_issuer()}
    server = a_server(issuers=trusted.get)
    view = a_view(f"Bearer {a_token()}")
    allowed(server, view)
    trusted[ISSUER] = an_issuer(keys=KeySet([a_key("ES256", 2).public_key]))
    assert type(refused(server, view).error) is e.KeyNotFound
    del trusted[ISSUER]
    assert type(refused(server, view).error) is rs.UnknownIssuer


def test_a_function_that_names_another_issuer_than_asked_is_not_believed():
    server = a_server(issuers=lambda iss: an_issuer())
    token = a_token(iss="https://evil.example")
    assert type(refused(server, a_view(f"Bearer {token}")).error) is rs.UnknownIssuer


def test_a_forgotten_token_is_verified_anew():
    issuer = Issuer(ISSUER, keys=KeySet([AS_KEY.public_key]))
    server, token = a_server(issuers=[issuer]), a_token()
    before = allowed(server, a_view(f"Bearer {token}"))
    assert allowed(server, a_view(f"Bearer {token}")) is before
    server.forget(token)
    assert allowed(server, a_view(f"Bearer {token}")) is not before


def test_the_cache_is_bounded_and_forgets_the_oldest():
    server = a_server(max_cached_tokens=10)
    for _ in range(40):
        allowed(server, a_view(f"Bearer {a_token()}"))
    assert len(server._tokens._cache._accepted) <= 10


def test_a_forged_token_that_keys_are_fetched_for_is_refused():
    server = a_server(issuers=[Issuer(ISSUER, jwks_uri=JWKS_URI)])
    forged = a_token(a_key("ES256", 2), header={"kid": AS_KEY.kid})
    assert type(refused(server, a_view(f"Bearer {forged}"), Hand(jwks(AS_KEY))).error) is e.BadSignature
    (trusted,) = server._issuers.all()
    assert trusted.headers == {}


def test_header_segments_are_remembered_only_after_a_signature_held():
    server = a_server()
    (trusted,) = server._issuers.all()
    forged = a_token(a_key("ES256", 2), header={"kid": AS_KEY.kid, "x": "1"})
    refused(server, a_view(f"Bearer {forged}"))
    assert trusted.headers == {}
    for number in range(100):
        allowed(server, a_view(f"Bearer {a_token(header={'x': number})}"))
    assert 0 < len(trusted.headers) <= 64


def test_what_one_request_is_given_no_other_can_change():
    server, view = a_server(), a_view(f"Bearer {a_token(authorization_details=[{'type': 'a', 'to': ['x']}])}")
    token = allowed(server, view)
    with pytest.raises(TypeError):
        token.claims["sub"] = "mallory"  # type: ignore[index]
    with pytest.raises(TypeError):
        token.authorization_details[0]["type"] = "b"  # type: ignore[index]
    with pytest.raises(AttributeError):
        token.authorization_details[0]["to"].append("y")
    with pytest.raises(AttributeError):
        token.subject = "mallory"  # type: ignore[misc]
    assert allowed(server, view).authorization_details == ({"type": "a", "to": ("x",)},)


def test_no_network_before_typ_alg_and_iss_have_passed():
    server = a_server(issuers=[Issuer(ISSUER)])
    for token in (
        a_token(typ="JWT"),
        a_token(header={"alg": "none"}),
        a_token(iss="https://evil.example"),
        a_token(header={"crit": ["x"]}),
    ):
        decision = decide(server, a_view(f"Bearer {token}"), Hand())
        assert decision.status == 401  # type: ignore[union-attr]


def test_several_issuers_keep_their_keys_apart():
    second = a_key("ES256", 2)
    other = Issuer("https://second.example", keys=KeySet([second.public_key]))
    server = a_server(issuers=[an_issuer(), other])
    assert allowed(server, a_view(f"Bearer {a_token()}")).issuer == ISSUER
    token = a_token(second, iss="https://second.example")
    assert allowed(server, a_view(f"Bearer {token}")).issuer == "https://second.example"
    for key, iss in ((second, ISSUER), (AS_KEY, "https://second.example")):
        crossed = a_token(key, iss=iss)
        assert type(refused(server, a_view(f"Bearer {crossed}")).error) is e.KeyNotFound


def test_a_forked_worker_hands_out_nonces_of_its_own():
    server = a_server(profile="fapi2-security")
    assert isinstance(server.nonces, ProcessNonceIssuer)
    before = server.nonces.issue(NOW)
    assert server.nonces.accepts(before, NOW)
    nonces = server.nonces
    assert in_child(lambda: not nonces.accepts(before, NOW) and nonces.accepts(nonces.issue(NOW), NOW))
    assert nonces.accepts(before, NOW)
