"""A user whose identity was proven twice, a request for it, and the published schemas of both."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SCHEMAS = Path(__file__).parents[1] / "vectors" / "oidf"
EIDAS: dict[str, Any] = {
    "verification": {
        "trust_framework": "eidas",
        "assurance_level": "substantial",
        "time": "2026-05-01T10:00:00Z",
        "verification_process": "f24c6f-6d3f",
        "evidence": [
            {
                "type": "document",
                "check_details": [
                    {"check_method": "vpip", "organization": "Example Bank", "time": "2026-04-30T09:00Z"},
                    {"check_method": "vcrypt"},
                ],
                "document_details": {
                    "type": "passport",
                    "document_number": "C01X00T47",
                    "date_of_issuance": "2024-01-31",
                    "date_of_expiry": "2034-01-30",
                    "issuer": {"name": "City of Example", "country_code": "DEU"},
                },
            },
            {
                "type": "electronic_record",
                "check_details": [{"check_method": "kbv"}],
                "record": {"type": "bank_account", "source": {"name": "Example Bank"}},
            },
        ],
    },
    "claims": {
        "given_name": "Alice",
        "family_name": "Example",
        "birthdate": "1990-02-03",
        "nationalities": ["DE", "CH"],
        "address": {"locality": "Example", "country": "DE"},
    },
}
AML: dict[str, Any] = {
    "verification": {"trust_framework": "de_aml", "time": "2020-01-01T08:00:00Z"},
    "claims": {"given_name": "Alice", "place_of_birth": {"country": "DE"}},
}
WISH: dict[str, Any] = {
    "verification": {
        "trust_framework": {"value": "eidas"},
        "time": {"max_age": 31_536_000},
        "evidence": [
            {
                "type": {"value": "document"},
                "check_details": [{"check_method": {"values": ["vpip", "pipp"]}}],
                "document_details": {"type": None, "date_of_expiry": None},
            }
        ],
    },
    "claims": {
        "given_name": None,
        "birthdate": {"essential": True, "purpose": "You must be of age"},
    },
}
"""A request that EIDAS fulfils."""
ANSWER: dict[str, Any] = {
    "verification": {
        "trust_framework": "eidas",
        "time": "2026-05-01T10:00:00Z",
        "evidence": [
            {
                "type": "document",
                "check_details": [{"check_method": "vpip"}],
                "document_details": {"type": "passport", "date_of_expiry": "2034-01-30"},
            }
        ],
    },
    "claims": {"given_name": "Alice", "birthdate": "1990-02-03"},
}
"""What EIDAS has of WISH, and nothing else."""


@cache
def published(name: str) -> Any:
    """A published schema, as a validator: `verified_claims` of answers, `verified_claims_request` of requests."""
    # One reference of the published document lacks its slash, so no validator can follow it.
    documents = {
        path.name: json.loads(path.read_text("utf-8").replace("#definitions/", "#/definitions/"))
        for path in sorted(SCHEMAS.glob("*.json"))
    }

    def retrieve(uri: str) -> Any:
        return documents[uri.rpartition("/")[2]]

    return jsonschema_rs.validator_for(documents[f"{name}-12.json"], retriever=retrieve)


def changed(members: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at this path of names and places; `...` removes it."""
    copy: Any = json.loads(json.dumps(members))
    here, *before = reversed([int(part) if part.isdigit() else part for part in path.split(".")])
    inner = copy
    for part in reversed(before):
        inner = inner[part]
    if value is ...:
        del inner[here]
    else:
        inner[here] = value
    return copy
