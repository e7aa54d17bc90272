"""A recorded run under FAPI 2.0 Message Signing: login, account, a refused payment, revocation, a refused refresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fapikit_viewer import Recording, view_of

SAMPLE = Path(__file__).parent / "sample.jsonl"


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    view = view_of(Recording(SAMPLE).read_all())
    assert [party["name"] for party in view["parties"]] == ["browser", "fintech", "bank", "accounts"]
    entries: list[dict[str, Any]] = view["entries"]
    return entries


def test_the_run_is_told_in_order(entries: list[dict[str, Any]]) -> None:
    told = [(entry["from"], entry["to"], entry["title"], entry["clause"]) for entry in entries]
    assert told == [
        ("fintech", "bank", "GET /.well-known/oauth-authorization-server", "RFC 8414 3"),
        ("fintech", "bank", "POST /par", "RFC 9449 8"),
        ("fintech", "bank", "POST /par", "RFC 9126 2"),
        ("browser", "bank", "GET /authorize", "RFC 6749 4.1.1"),
        ("browser", "bank", "POST /login", "RFC 6749 3.1"),
        ("browser", "bank", "GET /interaction", "RFC 6749 3.1"),
        ("browser", "bank", "POST /decision", "RFC 6749 4.1.2"),
        ("browser", "fintech", "GET /callback", "RFC 6749 4.1.2"),
        ("fintech", "bank", "GET /jwks", "RFC 7517 5"),
        ("fintech", "bank", "POST /token", "RFC 6749 4.1.3"),
        ("fintech", "fintech", "20 checks", ""),
        ("fintech", "accounts", "GET /accounts", "RFC 9449 7.1"),
        ("fintech", "accounts", "POST /payments", "RFC 6750 3.1"),
        ("fintech", "bank", "POST /revoke", "RFC 7009 2"),
        ("fintech", "bank", "POST /revoke", "RFC 7009 2"),
        ("fintech", "bank", "POST /token", "RFC 6749 5.2"),
    ]
    assert [entry["title"] for entry in entries if entry["refused"]] == ["POST /payments", "POST /token"]


def test_its_jwts_are_taken_apart(entries: list[dict[str, Any]]) -> None:
    fields = {
        field["name"]: field
        for entry in entries
        for message in (entry["request"], entry["response"])
        if message is not None
        for field in (*message["headers"], *message["parameters"])
        if field["jwt"] is not None
    }
    assert {name: field["jwt"]["what"] for name, field in fields.items()} == {
        "client_assertion": "client assertion",
        "request": "request object",
        "dpop": "DPoP proof",
        "response": "signed authorization response (JARM)",
        "access_token": "access token",
        "id_token": "ID token",
        "authorization": "access token",
        "token": "access token",
    }
    for field in fields.values():
        assert field["masked"], field["name"]
        assert field["jwt"]["signature"] == "***"
    claims = {claim["name"]: claim for claim in fields["request"]["jwt"]["payload"]}
    assert claims["state"]["value"] == "***"
    assert claims["code_challenge"]["meaning"]
