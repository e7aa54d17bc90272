"""The FAPI-CIBA RP modules (ID1; private_key_jwt and mtls; poll and ping): none lacks its test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.askit.conformance.named import is_named

MODULES = (
    "client-test-poll",
    "client-test-ping",
    "client-test-signed-in-by-certificate",
    "client-valid-aud-as-array-test",
    "client-no-scope-in-token-endpoint-response-test",
    "client-respects-interval-test",
    "client-slow-down-test",
    "client-invalid-missing-authreqid-test",
    "client-invalid-missing-expiresin-test",
    "client-invalid-expired-id-token-hint-test",
    "client-invalid-id-token-hint-test",
    "client-invalid-unknown-user-id-test",
    "client-invalid-request-test",
    "client-invalid-access-denied-test",
    "client-invalid-expired-token-test",
    "client-invalid-iss-test",
    "client-invalid-missing-iss-test",
    "client-invalid-aud-test",
    "client-invalid-missing-aud-test",
    "client-invalid-secondary-aud-test",
    "client-invalid-signature-test",
    "client-invalid-null-alg-test",
    "client-invalid-alternate-alg-test",
    "client-invalid-expired-exp-test",
    "client-invalid-missing-exp-test",
    "client-invalid-iat-is-week-in-past-test",
    "client-ping-with-invalid-bearer-token-test",
    "client-refresh-token-test",
    "client-connectid-invalid-missing-txn-test",
    "client-connectid-invalid-missing-trust-framework-test",
    "client-connectid-invalid-wrong-trust-framework-test",
)
"""`client-test` is here once for each variant."""


@pytest.mark.parametrize("module", MODULES)
def test_it_is_named_in_a_test(module: str) -> None:
    assert is_named(module, Path(__file__))
