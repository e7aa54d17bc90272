"""The audit: a server made for a profile holds every row; each thing taken away shows as one, with its clause."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import MalformedMessage
from fapikit.metadata import read_metadata
from fapikit.metadata_audit import AuditReport, audit

AS = "https://as.example"
ALGS = ["PS256", "ES256"]
COMMON: dict[str, Any] = {
    "issuer": AS,
    "authorization_endpoint": f"{AS}/authorize",
    "token_endpoint": f"{AS}/token",
    "jwks_uri": f"{AS}/jwks",
    "scopes_supported": ["openid"],
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ALGS,
    "id_token_signing_alg_values_supported": ALGS,
    "dpop_signing_alg_values_supported": ALGS,
}
FAPI2 = {
    **COMMON,
    "pushed_authorization_request_endpoint": f"{AS}/par",
    "authorization_response_iss_parameter_supported": True,
}
SIGNING = {
    **FAPI2,
    "request_object_signing_alg_values_supported": ALGS,
    "response_modes_supported": ["jwt"],
    "authorization_signing_alg_values_supported": ALGS,
    "introspection_endpoint": f"{AS}/introspect",
    "introspection_signing_alg_values_supported": ALGS,
}
FAPI1 = {
    **COMMON,
    "response_types_supported": ["code", "id_token code"],
    "tls_client_certificate_bound_access_tokens": True,
    "request_object_signing_alg_values_supported": ALGS,
}
CIBA = {
    **FAPI1,
    "backchannel_authentication_endpoint": f"{AS}/bc",
    "backchannel_token_delivery_modes_supported": ["poll", "ping"],
    "backchannel_authentication_request_signing_alg_values_supported": ALGS,
    "grant_types_supported": ["urn:openid:params:grant-type:ciba"],
}
MADE_FOR = {
    "oauth-2.1": COMMON,
    "fapi1-baseline": COMMON,
    "fapi1-advanced": FAPI1,
    "fapi2-security": FAPI2,
    "fapi2-message-signing": SIGNING,
    "fapi-ciba": CIBA,
}


def report(members: dict[str, Any], profile: str) -> AuditReport:
    kept = {name: value for name, value in members.items() if value is not None}
    return audit(read_metadata(AS, kept), profile)


@pytest.mark.parametrize("profile", MADE_FOR)
def test_a_server_made_for_a_profile_lacks_nothing(profile: str) -> None:
    made = report(MADE_FOR[profile], profile)
    assert made.holds, str(made)
    assert len(made.rows) >= 8
    assert all(row.clause and row.found for row in made.rows)


LACKS: list[tuple[str, dict[str, Any], str]] = [
    ("fapi2-security", {"pushed_authorization_request_endpoint": None}, "FAPI2-SP 5.3.2.2-3"),
    ("fapi2-security", {"code_challenge_methods_supported": None}, "FAPI2-SP 5.3.2.2-5"),
    ("fapi2-security", {"code_challenge_methods_supported": ["S256", "plain"]}, "FAPI2-SP 5.3.2.2-5"),
    ("fapi2-security", {"authorization_response_iss_parameter_supported": False}, "FAPI2-SP 5.3.2.2-7"),
    ("fapi2-security", {"response_types_supported": ["code id_token"]}, "FAPI2-SP 5.3.2.2-1"),
    (
        "fapi2-security",
        {"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]},
        "FAPI2-SP 5.3.2.1-6",
    ),
    ("fapi2-security", {"token_endpoint_auth_signing_alg_values_supported": ["RS256"]}, "FAPI2-SP 5.4.1-1.2"),
    ("fapi2-security", {"dpop_signing_alg_values_supported": ["RS256"]}, "FAPI2-SP 5.3.2.1-4"),
    ("fapi2-security", {"id_token_signing_alg_values_supported": ["RS256"]}, "FAPI2-SP 5.4.1-1.2"),
    ("fapi2-security", {"id_token_signing_alg_values_supported": ["ES256", "none"]}, "OIDC 3.1.3.7-6"),
    ("fapi2-security", {"grant_types_supported": ["authorization_code", "password"]}, "RFC 9700 2.4"),
    ("fapi2-security", {"token_endpoint": None}, "RFC 8414 2"),
    ("fapi2-security", {"jwks_uri": None}, "RFC 8414 2"),
    ("fapi2-security", {"authorization_endpoint": None}, "RFC 8414 2"),
    ("fapi2-message-signing", {"request_object_signing_alg_values_supported": ["none"]}, "FAPI2-MS 5.3.1-1"),
    ("fapi2-message-signing", {"response_modes_supported": ["query"]}, "FAPI2-MS 5.4.1-1"),
    ("fapi2-message-signing", {"authorization_signing_alg_values_supported": None}, "FAPI2-MS 5.4.1-1"),
    ("fapi2-message-signing", {"introspection_endpoint": None}, "FAPI2-MS 5.5.2-1"),
    ("fapi2-message-signing", {"introspection_signing_alg_values_supported": ["RS256"]}, "FAPI2-MS 5.5.2-1"),
    ("fapi1-advanced", {"response_types_supported": ["code"]}, "FAPI1-ADV 5.2.2-2"),
    ("fapi1-advanced", {"tls_client_certificate_bound_access_tokens": None}, "FAPI1-ADV 5.2.2-5"),
    ("fapi1-advanced", {"request_object_signing_alg_values_supported": None}, "FAPI1-ADV 5.2.2-1"),
    ("fapi-ciba", {"backchannel_authentication_endpoint": None}, "FAPI-CIBA 5.2.2-4"),
    ("fapi-ciba", {"backchannel_token_delivery_modes_supported": ["ping"]}, "FAPI-CIBA 5.2.2-4"),
    ("fapi-ciba", {"grant_types_supported": ["authorization_code"]}, "CIBA 4c"),
    ("fapi-ciba", {"backchannel_token_delivery_modes_supported": ["poll", "push"]}, "FAPI-CIBA 5.2.2-3"),
    (
        "fapi-ciba",
        {"backchannel_authentication_request_signing_alg_values_supported": None},
        "FAPI-CIBA 5.2.2-6",
    ),
]


@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "form_post.jwt"])
def test_a_signed_mode_signs_responses_too(mode: str) -> None:
    members = {**FAPI1, "response_types_supported": ["code"], "response_modes_supported": ["query", mode]}
    assert report(members, "fapi1-advanced").holds


@pytest.mark.spec("RFC 8414 2", "RFC 9449 5.1", "RFC 9701 7", "FAPI-CIBA 5.2.2-3", "CIBA 4a")
@pytest.mark.parametrize(
    "profile, change, clause", LACKS, ids=[f"{p} {next(iter(c))} {cl}" for p, c, cl in LACKS]
)
def test_one_thing_missing_is_one_row_with_its_clause(
    profile: str, change: dict[str, Any], clause: str
) -> None:
    lacking = report({**MADE_FOR[profile], **change}, profile).lacking
    assert [row.clause for row in lacking] == [clause], lacking
    assert next(iter(change)) in lacking[0].requirement or clause in {
        "FAPI2-SP 5.3.2.1-4",
        "FAPI1-ADV 5.2.2-5",
    }


def test_a_server_that_lists_no_method_takes_client_secret_basic() -> None:
    made = report({**FAPI2, "token_endpoint_auth_methods_supported": None}, "fapi2-security")
    assert {row.found for row in made.lacking} == {"client_secret_basic"}
    assert len(made.lacking) == 2


def test_the_report_is_a_table() -> None:
    made = report({**FAPI2, "pushed_authorization_request_endpoint": None}, "fapi2-security")
    first, *lines = str(made).splitlines()
    assert first == f"{AS} for fapi2-security: 1 of {len(lines)} lacking"
    assert [line for line in lines if line.startswith("LACKS")] == [
        "LACKS  FAPI2-SP 5.3.2.2-3  pushed_authorization_request_endpoint is listed (found: nothing)"
    ]


def test_a_list_written_as_text_is_audited_as_what_it_says() -> None:
    assert report({**FAPI2, "response_types_supported": "code"}, "fapi2-security").holds
    odd = report({**FAPI2, "response_types_supported": {"code": True}}, "fapi2-security")
    assert [row.requirement for row in odd.lacking] == ["response_types_supported has code"]


def test_a_flag_that_says_neither_is_no_flag_to_go_by() -> None:
    with pytest.raises(MalformedMessage):
        report({**FAPI2, "authorization_response_iss_parameter_supported": 1}, "fapi2-security")
