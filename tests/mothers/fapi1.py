"""A client of each profile of FAPI 1, as options of `discover`."""

from __future__ import annotations

from typing import Any

BASELINE: dict[str, Any] = {
    "profile": "fapi1-baseline",
    "sender_constraint": None,
    "id_token_signed_response_alg": "ES256",
}
ADVANCED: dict[str, Any] = {
    "profile": "fapi1-advanced",
    "sender_constraint": "mtls",
    "id_token_signed_response_alg": "ES256",
    "authorization_signed_response_alg": "ES256",
}
