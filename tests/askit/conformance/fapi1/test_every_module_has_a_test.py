"""The FAPI 1.0 Advanced OP modules (final; by value and pushed; plain answers and JARM): none lacks its test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.askit.conformance.named import is_named

MODULES = (
    "fapi1-advanced-final",
    "ensure-valid-pkce-succeeds",
    "ensure-response-mode-query",
    "ensure-response-type-code-fails",
    "ensure-authorization-request-without-request-object-fails",
    "ensure-request-object-with-long-nonce",
    "ensure-request-object-with-64-char-nonce-success",
    "ensure-request-object-with-long-state",
    "ensure-request-object-without-scope-fails",
    "ensure-request-object-without-nonce-fails",
    "ensure-mtls-holder-of-key-required",
    "attempt-reuse-authorisation-code-after-one-second",
    "ensure-client-assertion-with-wrong-iss-fails",
    "ensure-client-assertion-with-wrong-sub-fails",
    "ensure-client-assertion-with-iss-aud-succeeds",
    "par-ensure-client-assertion-with-wrong-aud-fails",
    "par-ensure-client-assertion-with-wrong-iss-fails",
    "par-ensure-client-assertion-with-wrong-sub-fails",
    "par-test-pushed-authorization-url-as-audience-for-client-JWT-assertion",
    "par-token-endpoint-url-as-audience-for-client-JWT-assertion",
    "test-array-as-audience-for-client-JWT-assertion",
    "par-pushed-authorization-url-as-audience-in-request-object",
    "par-attempt-invalid-redirect_uri",
    # Shared with FAPI 2.
    "discovery-end-point-verification",
    "user-rejects-authentication",
    "access-token-type-header-case-sensitivity",
    "ensure-authorization-request-without-state-success",
    "ensure-other-scope-order-succeeds",
    "ensure-different-nonce-inside-and-outside-request-object",
    "ensure-different-state-inside-and-outside-request-object",
    "state-only-outside-request-object-not-used",
    "ensure-redirect-uri-in-authorization-request",
    "ensure-request-object-without-redirect-uri-fails",
    "ensure-registered-redirect-uri",
    "ensure-request-object-with-multiple-aud-succeeds",
    "ensure-request-object-without-exp-fails",
    "ensure-request-object-without-nbf-fails",
    "ensure-expired-request-object-fails",
    "ensure-request-object-with-bad-aud-fails",
    "ensure-request-object-with-exp-over-60-fails",
    "ensure-request-object-with-nbf-over-60-fails",
    "ensure-signed-request-object-with-RS256-fails",
    "ensure-request-object-signature-algorithm-is-not-none",
    "ensure-request-object-with-invalid-signature-fails",
    "ensure-matching-key-in-authorization-request",
    "par-authorization-request-containing-request_uri",
    "par-authorization-request-containing-request_uri-form-param",
    "ensure-client-id-in-token-endpoint",
    "ensure-authorization-code-is-bound-to-client",
    "ensure-signed-client-assertion-with-RS256-fails",
    "ensure-client-assertion-in-token-endpoint",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "ensure-client-assertion-with-wrong-aud-fails",
    "ensure-client-assertion-with-no-sub-fails",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
    "par-attempt-reuse-request_uri",
    "par-attempt-to-use-expired-request_uri",
    "par-attempt-to-use-request_uri-for-different-client",
    "par-attempt-invalid-http-method",
    "par-without-duplicate-parameters",
    "par-ensure-pkce-required",
    "ensure-pkce-code-verifier-required",
    "incorrect-pkce-code-verifier-rejected",
    "par-plain-pkce-rejected",
    "refresh-token",
)


@pytest.mark.parametrize("module", MODULES)
def test_it_is_named_in_a_test(module: str) -> None:
    assert is_named(module, Path(__file__))
