"""What a quick way, a cache or a late answer would let pass, although the careful way refuses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit import errors as e
from fapikit.flow import Http
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ACCESS_TOKEN
from rskit import Issuer
from rskit import errors as rs
from rskit.access import Access
from rskit.decision import Allow, Refusal
from rskit.policy.checked_request import CheckedRequest
from rskit.possession.credentials import read_credentials
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key
from tests.rskit.introspecting import JWKS, METADATA, OPAQUE, asking, says
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
    an_issuer,
    bound_token,
    refused,
)


@pytest.mark.spec("RFC 9068 4")
def test_a_claim_that_the_configuration_adds_is_required():
    required = (*ACCESS_TOKEN.required, "acr")
    server = a_server(issuers=[an_issuer(required=required)])
    assert type(refused(server, a_view(f"Bearer {a_token()}")).error) is e.MissingClaim
    allowed(server, a_view(f"Bearer {a_token(acr='mfa')}"))


def test_a_token_about_its_own_issuer_is_refused():
    assert type(refused(a_server(), a_view(f"Bearer {a_token(sub=ISSUER)}")).error) is e.ForbiddenClaim


def test_a_greatest_age_needs_a_time_to_count_from():
    settings: dict[str, Any] = {"required": ("iss", "exp", "aud"), "max_token_age": 60}
    server = a_server(issuers=[an_issuer(**settings)])
    assert type(refused(server, a_view(f"Bearer {a_token(iat=None)}")).error) is e.MissingClaim
    asked = a_server(issuers=[dataclasses.replace(asking(), max_token_age=60)])
    refusal = refused(asked, a_view(f"Bearer {OPAQUE}"), Hand(METADATA, says()))
    assert type(refusal.error) is e.MissingClaim


@pytest.mark.spec("FAPI2-SP 5.3.4-5")
@pytest.mark.parametrize("cnf", [None, {"jkt": a_key("ES256", 8).thumbprint}], ids=["none", "another"])
def test_an_answer_does_not_unbind_the_jwt_that_it_is_about(cnf: Any):
    token = bound_token()
    server, stolen = a_server(issuers=[asking()]), a_view(f"Bearer {token}")
    assert type(refused(server, stolen, Hand(METADATA, says(cnf=cnf))).error) is rs.UnknownConfirmation
    same = a_server(issuers=[asking()])
    hand = Hand(METADATA, says(cnf={"jkt": CLIENT_KEY.thumbprint}))
    allowed(same, a_view(f"DPoP {token}", dpop=(a_proof(token),)), hand)


@pytest.mark.spec("FAPI2-SP 5.3.4-5")
def test_a_fresh_answer_does_not_leave_an_unbound_token_in_the_cache():
    server, hand = a_server(issuers=[asking(local_jwts=True)]), Hand(METADATA, JWKS, says())
    token = bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token),))
    checked = CheckedRequest(server, view, allowed(server, view, hand))
    with pytest.raises(rs.UnknownConfirmation):
        hand.run(checked.require_fresh(Access(fresh=True)))
    refused(server, a_view(f"Bearer {token}"), hand)


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_late_answer_does_not_undo_a_later_refusal():
    clock = FrozenClock()
    server, hand = a_server(issuers=[asking()], clock=clock), Hand(METADATA, says())
    view = a_view(f"Bearer {OPAQUE}")
    token = allowed(server, view, hand)
    clock.advance(61)
    slow = server.check(view)
    assert isinstance(slow, Generator)
    inner = next(slow).start()  # type: ignore[union-attr]
    assert isinstance(run_to_http(inner), Http)
    clock.advance(1)
    hand.add([says(active=False)])
    with pytest.raises(rs.InactiveToken):
        hand.run(CheckedRequest(server, view, token).require_fresh(Access(fresh=True)))
    clock.advance(1)
    with pytest.raises(StopIteration) as found:
        inner.send(says())
    with pytest.raises(StopIteration) as decided:
        slow.send(found.value.value)
    assert isinstance(decided.value.value, Refusal)
    assert type(refused(server, view).error) is rs.InactiveToken


def run_to_http(flow: Any) -> Any:
    """The flow's next request to the world; signatures on the way are made."""
    effect = next(flow)
    while not isinstance(effect, Http):
        effect = flow.send(effect.signer.sign(effect.signing_input))
    return effect


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_revocation_that_was_asked_for_once_is_not_forgotten_while_the_jwt_lives():
    clock = FrozenClock()
    server = a_server(issuers=[asking(local_jwts=True)], clock=clock)
    hand = Hand(METADATA, JWKS, says(active=False))
    view = a_view(f"Bearer {a_token()}")
    token = allowed(server, view, hand)
    with pytest.raises(rs.InactiveToken):
        hand.run(CheckedRequest(server, view, token).require_fresh(Access(fresh=True)))
    clock.advance(200)
    assert type(refused(server, view).error) is rs.InactiveToken


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_thread_that_has_just_verified_a_jwt_does_not_undo_its_revocation():
    server = a_server(issuers=[asking(local_jwts=True)])
    hand = Hand(METADATA, JWKS, says(active=False))
    view = a_view(f"Bearer {a_token()}")
    token = allowed(server, view, hand)
    credentials = read_credentials(view)
    assert credentials is not None
    verified = server._tokens._cached(credentials.digest)
    assert verified is not None
    with pytest.raises(rs.InactiveToken):
        hand.run(CheckedRequest(server, view, token).require_fresh(Access(fresh=True)))
    server._tokens._remember(credentials.digest, verified, NOW)  # the other thread's last step
    assert type(refused(server, view).error) is rs.InactiveToken


@pytest.mark.spec("OIDC 10.1.1")
def test_a_key_that_goes_while_a_token_is_verified_is_not_taken_for_one_of_the_new(
    monkeypatch: pytest.MonkeyPatch,
):
    clock = FrozenClock()
    server = a_server(clock=clock, issuers=[Issuer(ISSUER, jwks_uri=f"{ISSUER}/jwks")])
    (trusted,) = server._issuers.all()
    remote, select = trusted._remote, KeySet.select
    assert remote is not None

    class Rotating(KeySet):
        """Another thread's refresh lands as soon as the key has been chosen."""

        __slots__ = ()

        def select(self, *args: Any) -> Any:
            key = select(self, *args)
            remote._keys = KeySet([a_key("ES256", 2).public_key])  # type: ignore[union-attr]
            return key

    allowed(server, a_view(f"Bearer {a_token(a_key('ES256', 2))}"), Hand(jwks_of(a_key("ES256", 2))))
    remote._keys = Rotating([AS_KEY.public_key])
    view = a_view(f"Bearer {a_token()}")
    with monkeypatch.context() as patch:
        patch.setattr("rskit.tokens.check.verify_at_hand", lambda *_: None)
        allowed(server, view, Hand())
    clock.advance(1)
    refusal = refused(server, view, Hand(jwks_of(a_key("ES256", 2))))
    assert type(refusal.error) is e.KeyNotFound


def jwks_of(key: Any) -> Any:
    return answer({"keys": [dict(key.public_jwk)]})


def test_an_answer_is_not_remembered_past_the_greatest_age_of_its_token():
    clock = FrozenClock()
    server = a_server(clock=clock, issuers=[dataclasses.replace(asking(), max_token_age=20)])
    answered = says(iat=int(NOW))
    hand, view = Hand(METADATA, answered, answered), a_view(f"Bearer {OPAQUE}")
    allowed(server, view, hand)
    clock.advance(49)
    allowed(server, view)
    clock.advance(2)
    assert type(refused(server, view, hand).error) is e.TooOld


ODD = st.sampled_from(
    [
        None,
        "",
        "x",
        ISSUER,
        RESOURCE,
        [RESOURCE],
        [RESOURCE, 1],
        [],
        {},
        True,
        0,
        -1,
        1e300,
        10**38,
        NOW,
        int(NOW),
    ]
    + [int(NOW) + seconds for seconds in (-120, -31, -30, -29, 29, 30, 31, 61)]
)
CLAIMS = st.sampled_from(
    [*ACCESS_TOKEN.required, "nbf", "nonce", "at_hash", "events", "scope", "cnf", "extra"]
)


@given(st.dictionaries(CLAIMS, ODD, min_size=1, max_size=3))
def test_the_short_test_of_claims_lets_nothing_pass_that_the_long_one_refuses(
    changes: dict[str, Any],
) -> None:
    view = a_view(f"Bearer {a_token(**changes)}")
    outcomes = []
    for plain in (True, False):
        server = a_server()
        (trusted,) = server._issuers.all()
        trusted.plain = plain
        decision = server.check(view)
        assert isinstance(decision, Allow | Refusal)
        outcomes.append(decision if isinstance(decision, Allow) else type(decision.error))
    assert outcomes[0] == outcomes[1]
