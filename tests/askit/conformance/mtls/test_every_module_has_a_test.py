"""The FAPI 2 OP modules whose course depends on the variant of client authentication and binding: none lacks its test.

The rest look at what has nothing to do with certificates; `tests/askit/conformance` has them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.askit.conformance.named import is_named

MODULES = (
    "discovery-end-point-verification",
    "happy-flow",
    "access-token-type-header-case-sensitivity",
    "ensure-client-id-in-token-endpoint",
    "ensure-authorization-code-is-bound-to-client",
    "ensure-holder-of-key-required",
    "attempt-reuse-authorization-code-after-one-second",
    "par-attempt-to-use-request_uri-for-different-client",
    "refresh-token",
)


@pytest.mark.parametrize("module", MODULES)
def test_it_is_named_in_a_test(module: str) -> None:
    assert is_named(module, Path(__file__))
