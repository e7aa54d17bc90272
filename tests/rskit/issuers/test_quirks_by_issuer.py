"""A quirk may hold for one issuer alone, and an API signs in at a server that wants its assertions for another name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import pytest

from fapikit import FAPI1_ADVANCED, OAUTH_2_1, Profile, Quirk, message_signing
from fapikit import errors as e
from fapikit.errors import ForbiddenByProfile
from fapikit.jose.key_set import KeySet
from rskit import Issuer
from tests.clocks import NOW
from tests.hands import Hand, answer
from tests.keys import a_key, claims_of
from tests.rskit.introspecting import JWKS, METADATA, OPAQUE, asking, says
from tests.rskit.mothers import AS_KEY, ISSUER, a_server, a_token, a_view, allowed, an_issuer, refused

OTHER = "https://other.example"
LATER = date(2099, 1, 1)


def relaxed(profile: Profile, quirk: Quirk) -> Profile:
    return profile.relax(quirk, until=LATER, reason="their next release")


def test_a_clock_may_be_a_minute_ahead_at_one_issuer_alone() -> None:
    slow = relaxed(OAUTH_2_1, Quirk.SKEW_OF_A_MINUTE)
    other = Issuer(OTHER, keys=KeySet([AS_KEY.public_key]))
    ahead: dict[str, Any] = {"iat": int(NOW) + 45}
    for introspected in (False, True):
        quirky = replace(asking(), profile=slow) if introspected else an_issuer(profile=slow)
        server = a_server(issuers=[quirky, other])
        if introspected:
            hand = Hand(METADATA, says(**ahead))
            assert allowed(server, a_view(f"Bearer {OPAQUE}"), hand)
        else:
            assert allowed(server, a_view(f"Bearer {a_token(**ahead)}"))
        elsewhere = refused(server, a_view(f"Bearer {a_token(iss=OTHER, **ahead)}"))
        assert type(elsewhere.error) is e.NotYetValid


@pytest.mark.parametrize("profile", [FAPI1_ADVANCED, relaxed(FAPI1_ADVANCED, Quirk.ACCEPT_RS256)])
def test_rs256_may_be_taken_from_one_issuer_alone(profile: Profile) -> None:
    rsa = a_key("RS256", 3)
    quirky = an_issuer(keys=KeySet([rsa.public_key]), profile=profile)
    server = a_server(issuers=[quirky], profile="fapi1-advanced")
    token = a_token(rsa, alg="RS256", cnf={"x5t#S256": "A" * 43})
    error = type(refused(server, a_view(f"Bearer {token}")).error)
    assert (error is e.ForbiddenAlgorithm) is (profile is FAPI1_ADVANCED)


def test_signed_introspection_may_be_left_out_at_one_issuer_alone() -> None:
    plain = message_signing(signed_introspection=False)
    for profile, accept in (
        (plain, "application/json"),
        (message_signing(), "application/token-introspection+jwt"),
    ):
        hand = Hand(METADATA, says(), says()) if profile is plain else Hand(METADATA, JWKS, says())
        issuer = replace(asking(), profile=profile)
        server = a_server(issuers=[issuer], profile="fapi2-message-signing", bindings=["dpop"])
        refused(server, a_view(f"Bearer {OPAQUE}"), hand)
        assert dict(hand.requests[-1].headers)["accept"] == accept


@pytest.mark.spec("RFC 7523 3-3")
@pytest.mark.parametrize(
    ("audience", "quirk", "aud"),
    [
        ("issuer", None, ISSUER),
        ("token_endpoint", Quirk.TOKEN_ENDPOINT_AUDIENCE, f"{ISSUER}/token_endpoint"),
        ("0015800001041RHAAY", Quirk.NAMED_ASSERTION_AUDIENCE, "0015800001041RHAAY"),
    ],
)
def test_assertions_may_be_meant_for_another_name(audience: str, quirk: Quirk | None, aud: str) -> None:
    introspection = replace(asking().introspection, assertion_audience=audience)
    profile = None if quirk is None else relaxed(OAUTH_2_1, quirk)
    issuer = replace(asking(), introspection=introspection, profile=profile)
    endpoints = {name: f"{ISSUER}/{name}" for name in ("introspection_endpoint", "token_endpoint")}
    hand = Hand(answer({"issuer": ISSUER, **endpoints}), says())
    allowed(a_server(issuers=[issuer]), a_view(f"Bearer {OPAQUE}"), hand)
    [assertion] = parse_qs(hand.requests[-1].body.decode())["client_assertion"]
    assert claims_of(assertion)["aud"] == aud
    if quirk is not None:
        with pytest.raises(ForbiddenByProfile, match=quirk.name):
            a_server(issuers=[replace(issuer, profile=None)])
