"""A client of each profile of FAPI 1, as options of `discover`."""

from __future__ import annotations

from typing import Any

from fapikit import HttpSettings
from tests.mothers.fake_bank import FakeBank

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


def http_of(bank: FakeBank) -> HttpSettings:
    """The way to a fake bank in memory."""
    return bank.http()
