"""The FAPI 2 Message Signing OP modules in each variant with a certificate: request objects and signed responses."""

# ruff: noqa: F401 - pytest runs the tests that are imported, with the fixtures of this folder
from __future__ import annotations

import pytest

from tests.askit.conformance.test_jarm import (
    test_a_plain_mode_is_refused_where_responses_are_signed,
    test_a_signed_response,
    test_a_signed_response_by_form_post,
    test_an_error_is_signed_too,
)
from tests.askit.conformance.test_request_objects import (
    test_a_broken_request_object_is_refused,
    test_ensure_different_nonce_inside_and_outside_request_object,
    test_ensure_different_state_inside_and_outside_request_object,
    test_ensure_matching_key_in_authorization_request,
    test_ensure_request_object_signature_algorithm_is_not_none,
    test_ensure_request_object_with_invalid_signature_fails,
    test_ensure_request_object_with_multiple_aud_succeeds,
    test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted,
    test_ensure_request_object_without_redirect_uri_fails,
    test_ensure_signed_request_object_with_rs256_fails,
    test_ensure_unsigned_request_at_par_endpoint_fails,
    test_happy_flow_signed,
    test_state_only_outside_request_object_not_used,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.conformance(
        "fapi2-op with certificates",
        "ensure-different-nonce-inside-and-outside-request-object",
        "ensure-different-state-inside-and-outside-request-object",
        "state-only-outside-request-object-not-used",
        "ensure-request-object-without-redirect-uri-fails",
        "ensure-request-object-with-multiple-aud-succeeds",
        "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
        # The cases of test_a_broken_request_object_is_refused.
        "ensure-request-object-without-exp-fails",
        "ensure-request-object-without-nbf-fails",
        "ensure-expired-request-object-fails",
        "ensure-request-object-with-bad-aud-fails",
        "ensure-request-object-with-exp-over-60-fails",
        "ensure-request-object-with-nbf-over-60-fails",
        "par-authorization-request-containing-request_uri",
        "ensure-signed-request-object-with-RS256-fails",
        "ensure-request-object-signature-algorithm-is-not-none",
        "ensure-request-object-with-invalid-signature-fails",
        "ensure-matching-key-in-authorization-request",
        "ensure-unsigned-request-at-par-endpoint-fails",
    ),
]
