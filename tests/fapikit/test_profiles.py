"""What each profile demands, held against the clauses, row by row; code elsewhere asks these values only."""

from __future__ import annotations

import ast
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from fapikit import (
    FAPI1_ADVANCED,
    FAPI1_BASELINE,
    FAPI2_MESSAGE_SIGNING,
    FAPI2_SECURITY,
    FAPI_CIBA,
    OAUTH_2_1,
    Profile,
    message_signing,
    profile_of,
)
from fapikit.errors import ConfigurationError, ForbiddenByProfile, Remedy
from fapikit.jose.algorithms import ASYMMETRIC
from fapikit.jose.public_key import EC_CURVES
from fapikit.jose.rsa_modulus import MINIMUM_BITS
from fapikit.profiles import PROFILES, RULES

MTLS_OR_KEY = {"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
ECDHE_GCM = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}
RSA_GCM = {
    "DHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}
FAPI1, FAPI2 = (FAPI1_ADVANCED, FAPI_CIBA), (FAPI2_SECURITY, FAPI2_MESSAGE_SIGNING)

ROWS: list[tuple[tuple[Profile, ...], str, Any, str]] = [
    (FAPI2, "signing_algorithms", {"PS256", "ES256", "EdDSA", "Ed25519"}, "FAPI2-SP 5.4.1-1.2"),
    ((FAPI1_ADVANCED,), "signing_algorithms", {"PS256", "ES256"}, "FAPI1-ADV 8.6-1"),
    ((FAPI_CIBA,), "signing_algorithms", {"PS256", "ES256"}, "FAPI-CIBA 7.10"),
    ((OAUTH_2_1,), "signing_algorithms", ASYMMETRIC, "RFC 8725 3.1"),
    (FAPI2, "client_authentication_methods", MTLS_OR_KEY, "FAPI2-SP 5.3.2.1-6"),
    (FAPI1, "client_authentication_methods", MTLS_OR_KEY, "FAPI1-ADV 5.2.2-14"),
    (
        (FAPI1_BASELINE,),
        "client_authentication_methods",
        MTLS_OR_KEY | {"client_secret_jwt", "none"},
        "FAPI1-BL 5.2.2-4",
    ),
    (FAPI2, "public_clients", False, "FAPI2-SP 5.3.2.1-3"),
    ((FAPI1_ADVANCED,), "public_clients", False, "FAPI1-ADV 5.2.2-16"),
    ((FAPI_CIBA,), "public_clients", False, "FAPI-CIBA 5.2.2-1"),
    ((FAPI1_BASELINE,), "public_clients", True, "FAPI1-BL 5.2.2-2"),
    (FAPI2, "par_required", True, "FAPI2-SP 5.3.2.2-3"),
    (FAPI2, "pkce_required", True, "FAPI2-SP 5.3.2.2-5"),
    ((FAPI1_BASELINE,), "pkce_required", True, "FAPI1-BL 5.2.2-7"),
    (FAPI1, "pkce_required", False, "FAPI1-ADV 5.2.2"),
    (FAPI1, "pkce_required_when_pushed", True, "FAPI1-ADV 5.2.2-18"),
    ((FAPI1_ADVANCED,), "request_object_required", True, "FAPI1-ADV 5.2.2-1"),
    ((FAPI_CIBA,), "request_object_required", True, "FAPI-CIBA 5.2.2-6"),
    ((FAPI2_MESSAGE_SIGNING,), "request_object_required", True, "FAPI2-MS 5.3.1-1"),
    ((FAPI2_SECURITY,), "request_object_required", False, "RFC 9101 10.5"),
    (FAPI2, "response_types", {"code"}, "FAPI2-SP 5.3.2.2-1"),
    (FAPI1, "response_types", {"code", "code id_token"}, "FAPI1-ADV 5.2.2-2"),
    ((FAPI2_MESSAGE_SIGNING,), "jarm_required", True, "FAPI2-MS 5.4.1-1"),
    (FAPI2, "iss_in_response_required", True, "FAPI2-SP 5.3.2.2-7"),
    (FAPI2, "sender_constraint_required", True, "FAPI2-SP 5.3.2.1-4"),
    (FAPI2, "sender_constraints", {"dpop", "mtls"}, "FAPI2-SP 5.3.2.1-5"),
    (FAPI1, "sender_constraints", {"mtls"}, "FAPI1-ADV 8.2"),
    (FAPI1, "sender_constraint_required", True, "FAPI1-ADV 5.2.2-5"),
    (FAPI2, "assertion_audiences", {"issuer"}, "FAPI2-SP 5.3.2.1-8"),
    (FAPI2, "assertion_audience_as_array", False, "FAPI2-SP 5.3.2.1-8"),
    (
        (FAPI1_ADVANCED,),
        "assertion_audiences",
        {"issuer", "token_endpoint", "par_endpoint", "backchannel_endpoint"},
        "RFC 9126 2b",
    ),
    (
        (FAPI_CIBA,),
        "assertion_audiences",
        {"issuer", "token_endpoint", "par_endpoint", "backchannel_endpoint"},
        "CIBA 7.1b",
    ),
    ((FAPI2_MESSAGE_SIGNING,), "request_object_max_age", 3600, "FAPI2-MS 5.3.1-3"),
    ((FAPI2_MESSAGE_SIGNING,), "request_object_max_lifetime", 3600, "FAPI2-MS 5.3.1-4"),
    ((FAPI1_ADVANCED,), "request_object_max_age", 3600, "FAPI1-ADV 5.2.2-17"),
    ((FAPI1_ADVANCED,), "request_object_max_lifetime", 3600, "FAPI1-ADV 5.2.2-13"),
    (FAPI2, "code_lifetime", 60, "FAPI2-SP 5.3.2.1-11"),
    (FAPI2, "refresh_rotation", False, "FAPI2-SP 5.3.2.1-9"),
    (FAPI2, "token_in_query", False, "FAPI2-SP 5.3.4-2"),
    ((FAPI1_BASELINE, *FAPI1), "token_in_query", False, "FAPI1-BL 6.2.1-3"),
    (FAPI1, "device_grant", False, "FAPI1-ADV 5.2.2-2"),
    ((OAUTH_2_1, FAPI1_BASELINE, *FAPI2), "device_grant", True, "RFC 8628 3.1"),
    ((FAPI2_MESSAGE_SIGNING,), "signed_introspection_required", True, "FAPI2-MS 5.5.2-1"),
    ((FAPI2_MESSAGE_SIGNING,), "id_token_signature_required", True, "FAPI2-MS 5.6.2-1"),
    (FAPI1, "id_token_signature_required", True, "FAPI1-ADV 5.2.3.1-2"),
    (FAPI2, "rsa_bits", 2048, "FAPI2-SP 5.4.1-2"),
    ((FAPI1_BASELINE,), "symmetric_octets", 32, "FAPI1-BL 5.2.2-3"),
    ((FAPI_CIBA,), "backchannel_required", True, "FAPI-CIBA 5.2.2-4"),
    ((FAPI_CIBA,), "backchannel_delivery_modes", {"poll", "ping"}, "FAPI-CIBA 5.2.2-3"),
    (FAPI2, "backchannel_delivery_modes", {"poll", "ping", "push"}, "CIBA 4b"),
    ((FAPI_CIBA,), "backchannel_context_required", True, "FAPI-CIBA 5.2.2-2"),
    (FAPI2, "backchannel_context_required", False, "CIBA 7.1e"),
    (FAPI2, "redirect_uri_https", True, "FAPI2-SP 5.3.2.2-8"),
    ((FAPI1_BASELINE, *FAPI1), "redirect_uri_https", True, "FAPI1-BL 5.2.2-20"),
    ((FAPI1_BASELINE, *FAPI1), "loopback_redirects", False, "FAPI1-BL 7.5-2"),
    ((FAPI1_BASELINE, *FAPI1), "private_use_redirects", False, "FAPI1-BL 7.5-1"),
    ((FAPI1_BASELINE, *FAPI1), "bearer_token_lifetime", 600, "FAPI1-BL 5.2.2-21"),
    ((FAPI1_BASELINE, *FAPI1), "nonce_required", True, "FAPI1-BL 5.2.2.2-1"),
    ((FAPI1_BASELINE, *FAPI1), "state_required", True, "FAPI1-BL 5.2.2.3-1"),
]


@pytest.mark.parametrize("profiles, setting, value, clause", ROWS, ids=[f"{row[1]} {row[3]}" for row in ROWS])
def test_a_profile_sets_what_its_clause_demands(
    profiles: tuple[Profile, ...], setting: str, value: Any, clause: str
) -> None:
    for profile in profiles:
        assert getattr(profile, setting) == value, profile
        assert profile.clause(setting) == clause, profile


@pytest.mark.spec("FAPI2-SP 5.2.2-1", "FAPI1-ADV 8.5-1", "FAPI-CIBA 7.9")
def test_the_tls_suites_of_both_generations_differ() -> None:
    for profile in FAPI2:
        assert set(profile.tls12_ciphers) == ECDHE_GCM
    for profile in FAPI1:
        assert set(profile.tls12_ciphers) == RSA_GCM


@pytest.mark.spec("FAPI2-SP 5.3.2.2-12", "FAPI2-SP 5.3.2.1-13")
def test_numbers_lie_within_their_bounds() -> None:
    for profile in PROFILES.values():
        assert 10 <= profile.clock_skew <= 60
        assert 0 < profile.par_lifetime < 600
        assert profile.ec_bits >= 224


@pytest.mark.spec("FAPI2-SP 5.4.1-2", "FAPI2-SP 5.4.1-3")
def test_keys_are_held_to_the_lengths_of_every_profile() -> None:
    """A key is read before anybody knows the profile that it will serve under, so the strictest one counts."""
    shortest_curve = min(curve.key_size for curve, _ in EC_CURVES.values())
    for profile in PROFILES.values():
        assert profile.rsa_bits <= MINIMUM_BITS
        assert profile.ec_bits <= shortest_curve


@pytest.mark.parametrize("name", PROFILES)
def test_every_rule_of_every_profile_has_a_clause(name: str) -> None:
    profile = PROFILES[name]
    assert {rule for rule in RULES if not profile.clause(rule)} == set()
    assert set(profile.clauses) <= set(RULES)


@pytest.mark.spec("FAPI2-MS 5.1", "FAPI2-MS 5a")
@pytest.mark.parametrize(
    "switch, setting",
    [
        ("signed_requests", "request_object_required"),
        ("signed_responses", "jarm_required"),
        ("signed_introspection", "signed_introspection_required"),
    ],
)
def test_message_signing_has_switches_that_each_turn_one_part(switch: str, setting: str) -> None:
    off = message_signing(**{switch: False})
    differing = [rule for rule in RULES if getattr(off, rule) != getattr(FAPI2_MESSAGE_SIGNING, rule)]
    assert differing == [setting]
    everything_off = message_signing(
        signed_requests=False, signed_responses=False, signed_introspection=False, signed_id_tokens=False
    )
    assert not everything_off.request_object_required
    for rule in RULES:
        if rule.startswith("request_object_max"):
            continue
        assert getattr(everything_off, rule) == getattr(FAPI2_SECURITY, rule), "all of FAPI2-SP still holds"


def test_a_profile_without_dpop_binds_every_token_to_a_certificate():
    assert FAPI1_ADVANCED.certificate_binding_required
    assert not FAPI2_SECURITY.certificate_binding_required
    assert not FAPI1_BASELINE.certificate_binding_required


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown algorithm": (
        {"signing_algorithms": frozenset({"HS256"})},
        "signing_algorithms",
        "supported algorithms",
    ),
    "no algorithm": ({"signing_algorithms": frozenset()}, "signing_algorithms", "empty"),
    "constraint without a way": (
        {"sender_constraints": frozenset()},
        "sender_constraint_required",
        "sender_constraints",
    ),
    "none without public clients": (
        {"client_authentication_methods": frozenset({"none"})},
        "client_authentication_methods",
        "public_clients",
    ),
    "no authentication at all": (
        {"client_authentication_methods": frozenset()},
        "client_authentication_methods",
        "public_clients",
    ),
    "JARM without a mode": (
        {"jarm_required": True, "response_modes": frozenset({"query"})},
        "jarm_required",
        "response_modes",
    ),
    "no response type": ({"response_types": frozenset()}, "response_types", "empty"),
    "skew too small": ({"clock_skew": 5.0}, "clock_skew", "FAPI2-SP 5.3.2.1-13"),
    "skew too large": ({"clock_skew": 61.0}, "clock_skew", "FAPI2-SP 5.3.2.1-13"),
    "life without age": (
        {"request_object_max_lifetime": 60.0},
        "request_object_max_lifetime",
        "request_object_max_age",
    ),
    "code that never lives": ({"code_lifetime": 0.0}, "code_lifetime", "more than 0"),
    "no suites": ({"tls12_ciphers": ()}, "tls12_ciphers", "empty"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_fail_at_construction_and_name_both_settings(name: str) -> None:
    changes, one, other = CONTRADICTIONS[name]
    with pytest.raises(ConfigurationError) as refused:
        replace(FAPI2_SECURITY, **changes)
    assert one in str(refused.value)
    assert other in str(refused.value)
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION


def test_a_profile_is_found_by_its_name_or_is_itself() -> None:
    assert list(PROFILES) == [
        "oauth-2.1", "fapi1-baseline", "fapi1-advanced", "fapi2-security", "fapi2-message-signing", "fapi-ciba",
    ]  # fmt: skip
    for name, profile in PROFILES.items():
        assert profile_of(name) is profile
        assert profile_of(profile) is profile
        assert str(profile) == name
    with pytest.raises(ConfigurationError, match="fapi2-security"):
        profile_of("fapi3")


def test_a_profile_refuses_with_the_clause_of_the_setting() -> None:
    with pytest.raises(ForbiddenByProfile) as refused:
        FAPI2_SECURITY.require(False, "rotation is off", "refresh_rotation")
    assert refused.value.clause == "FAPI2-SP 5.3.2.1-9"
    assert refused.value.facts == {"profile": "fapi2-security", "setting": "refresh_rotation"}
    FAPI2_SECURITY.require_algorithm("PS256", "an ID token")
    with pytest.raises(ForbiddenByProfile, match="RS256"):
        FAPI2_SECURITY.require_algorithm("RS256", "an ID token")


def test_a_profile_is_frozen() -> None:
    profile: Any = FAPI2_SECURITY
    with pytest.raises(FrozenInstanceError):
        profile.par_required = False
    with pytest.raises(TypeError):
        profile.clauses["par_required"] = "x"


def test_no_code_asks_which_profile_it_is() -> None:
    """A comparison of a profile with a name or a constant would be a rule outside the profile."""
    names = {
        "FAPI1_BASELINE",
        "FAPI1_ADVANCED",
        "FAPI2_SECURITY",
        "FAPI2_MESSAGE_SIGNING",
        "FAPI_CIBA",
        "OAUTH_2_1",
    }
    root = Path(__file__).parents[2]
    for package in ("fapikit", "rpkit", "rskit", "askit", "asgi_mw", "wsgi_mw"):
        for path in (root / package).rglob("*.py"):
            source = path.read_text("utf-8")
            if not any(name in source for name in (*names, *PROFILES, "profile.name")):
                continue  # a quick look first: to take every file apart takes a second
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Compare):
                    sides = [ast.unparse(side).strip("'\"") for side in (node.left, *node.comparators)]
                    if all(side.endswith(".name") for side in sides):
                        continue  # of two profiles: whether they are one in kind
                    for compared in sides:
                        assert compared not in names | set(PROFILES), f"{path}:{node.lineno}"
                        assert not compared.endswith("profile.name"), f"{path}:{node.lineno}"
