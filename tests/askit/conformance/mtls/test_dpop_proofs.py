"""The FAPI 2 OP modules about DPoP, for clients that sign in by certificate and bind their tokens to a key."""

# ruff: noqa: F401 - pytest runs the tests that are imported, with the fixtures of this folder
from __future__ import annotations

import pytest

from tests.askit.conformance.mtls.conftest import VARIANTS
from tests.askit.conformance.test_dpop_proofs import (
    test_check_dpop_proof_nbf_exp,
    test_dpop_negative_tests,
    test_dpop_negative_tests_bad_signature,
    test_dpop_negative_tests_headers,
    test_dpop_negative_tests_reused_jti,
    test_dpop_negative_tests_rs256,
    test_ensure_dpop_auth_code_binding_success,
    test_ensure_dpopproof_at_par_endpoint_binding_success,
    test_ensure_dpopproof_with_iat_10seconds_after_succeeds,
    test_ensure_dpopproof_with_iat_10seconds_before_succeeds,
    test_ensure_mismatched_dpop_jkt_fails,
    test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt,
    test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt,
)

BY_CERTIFICATE = [(method, binding) for method, binding in VARIANTS if binding == "dpop"]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("bank", BY_CERTIFICATE, indirect=True, ids="-".join),
    pytest.mark.conformance(
        "fapi2-op with certificates",
        "check-dpop-proof-nbf-exp",
        "ensure-dpopproof-with-iat-10seconds-before-succeeds",
        "ensure-dpopproof-with-iat-10seconds-after-succeeds",
        "ensure-mismatched-dpop-jkt-fails",
        "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt",
        "ensure-token-endpoint-fails-with-mismatched-dpop-jkt",
        "ensure-dpopproof-at-par-endpoint-binding-success",
        "ensure-dpop-auth-code-binding-success",
        "dpop-negative-tests",
    ),
]
