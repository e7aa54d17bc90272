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

_TYPE = "verification.evidence.0.type"
REFUSED: list[tuple[str, Any, str, str]] = [
    ("verification", ..., "verification", "is missing"),
    ("claims", ..., "claims", "is missing"),
    ("claims", ["given_name"], "claims", "must be an object"),
    ("verification", "eidas", "verification", "must be an object"),
    ("purpose", "to open an account", "purpose", "is not a member of a request"),
    ("verification.trust_framework", ..., "verification.trust_framework", "is missing"),
    ("verification.trust_framework", "eidas", "verification.trust_framework", "must be null or an object"),
    ("verification.trust_framework", [{}], "verification.trust_framework", "must be null, or have value"),
    ("verification.trust_framework.values", ["a"], "verification.trust_framework.values", "exclude"),
    ("verification.trust_framework", {"values": []}, "verification.trust_framework.values", "at least one"),
    ("verification.trust_framework", {"values": "a"}, "verification.trust_framework.values", "an array"),
    ("verification.time.max_age", -1, "verification.time.max_age", "0 or more"),
    ("verification.time.max_age", 1.5, "verification.time.max_age", "whole number"),
    ("verification.time.max_age", True, "verification.time.max_age", "whole number"),
    ("verification.evidence", {"type": None}, "verification.evidence", "must be an array"),
    ("verification.evidence", [], "verification.evidence", "1 to"),
    ("verification.evidence", ["document"], "verification.evidence[0]", "must be an object"),
    (_TYPE, ..., "verification.evidence[0].type", "one value, a string"),
    (_TYPE, None, "verification.evidence[0].type", "one value, a string"),
    (_TYPE, {"values": ["document"]}, "verification.evidence[0].type", "one value, a string"),
    (f"{_TYPE}.values", ["document"], "verification.evidence[0].type.values", "exclude"),
    ("claims.given_name", True, "claims.given_name", "must be null or an object"),
    ("claims.birthdate.essential", "yes", "claims.birthdate.essential", "true or false"),
    ("claims.birthdate.purpose", "no", "claims.birthdate.purpose", "3 to 300"),
    ("claims.birthdate.purpose", "x" * 301, "claims.birthdate.purpose", "3 to 300"),
    ("claims.birthdate.purpose", ["why"], "claims.birthdate.purpose", "3 to 300"),
    (
        "verification.evidence.0.document_details.value",
        "passport",
        "verification.evidence[0].document_details.value",
        "ambiguous",
    ),
]
"""Single changes of WISH: the member, its value, the member that is named, and a word of the rule."""


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
