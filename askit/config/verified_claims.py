"""The verified claims of a user in the settings: `[[users.verified_claims]]`, checked against their own JSON Schema.

The schema is that of the text of the specification, in which `check_details` took the place of earlier members. It is
stricter in one thing: a document and an electronic record tell their type, because the metadata list the types (IDA 8).

Spec: IDA-S 5.2, 5.4.2, 5.4.4; IDA 8
Role: AS
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from askit.config.details_schema import WORDS, fault_of, validator_of
from askit.config.table import Table
from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.errors import ConfigurationError

EVIDENCE: Final = ("document", "electronic_record", "vouch", "electronic_signature")
_TEXT: Final = {"type": "string", "minLength": 1}
_DATE: Final = {"type": "string", "format": "date"}
_TIME: Final = {
    "type": "string",
    "pattern": "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
    "(Z|[+-][01][0-9]:[0-5][0-9])$",
}
_WORDS: Final = {
    **WORDS,
    "enum": f"must be one of {', '.join(EVIDENCE)}",
    "falseSchema": "is not a member of verified_claims: it has verification and claims",
    "pattern": "must be a time with its zone, such as 2026-01-31T12:00:00Z",
    "format": "must be a date such as 2026-01-31",
    "minItems": "must have at least one item",
    "minProperties": "must have at least one member",
    "minLength": "must not be empty",
}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": items}


def _of_type(kind: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """What evidence of one type must be."""
    return {"if": _object(("type",), type={"const": kind}), "then": _object(required, **properties)}


_CHECKS: Final = _array(
    _object(("check_method",), check_method=_TEXT, organization=_TEXT, check_id=_TEXT, time=_TIME)
)
_DATED: Final = {"date_of_issuance": _DATE, "date_of_expiry": _DATE}
_EVIDENCE: Final = {
    **_object(
        ("type",),
        type={"enum": list(EVIDENCE)},
        check_details=_CHECKS,
        attachments=_array(_object()),
        derived_claims={"type": "object", "minProperties": 1},
    ),
    "allOf": [
        _of_type(
            "document",
            ("document_details",),
            document_details=_object(("type",), type=_TEXT, issuer=_object(), **_DATED),
        ),
        _of_type(
            "electronic_record",
            ("record",),
            record=_object(("type",), type=_TEXT, created_at=_TIME, date_of_expiry=_DATE, source=_object()),
        ),
        _of_type("vouch", attestation=_object(("type",), type=_TEXT, voucher=_object(), **_DATED)),
        _of_type(
            "electronic_signature",
            ("signature_type", "issuer", "serial_number"),
            signature_type=_TEXT,
            issuer=_TEXT,
            serial_number=_TEXT,
            created_at=_TIME,
        ),
    ],
}
_PROCESS: Final = {
    **_object(policy=_TEXT, procedure=_TEXT, assurance_details=_array(_object())),
    "minProperties": 1,
}
SCHEMA: Final = {
    **_object(
        ("verification", "claims"),
        verification=_object(
            ("trust_framework",),
            trust_framework=_TEXT,
            assurance_level=_TEXT,
            assurance_process=_PROCESS,
            time=_TIME,
            verification_process=_TEXT,
            evidence=_array(_EVIDENCE),
        ),
        claims={"type": "object", "minProperties": 1},
    ),
    "additionalProperties": False,
}


@cache
def _validator() -> Any:
    return validator_of(SCHEMA, "users.verified_claims")


def read_verified_claims(table: Table) -> tuple[Mapping[str, Any], ...]:
    """The array of a user. Dates and times of TOML become text. Raises ConfigurationError."""
    return tuple(_as_json(entry) for entry in table.array(VERIFIED_CLAIMS))


def check_verified_claims(username: str, verified: tuple[Mapping[str, Any], ...]) -> None:
    """Raise ConfigurationError for one that does not meet the specification."""
    for place, entry in enumerate(verified):
        named = f"users ({username}): {VERIFIED_CLAIMS}[{place}]"
        for error in _validator().iter_errors(entry):
            fault = fault_of(error, _WORDS)
            where = named if fault.path == "it" else f"{named}.{fault.path}"
            raise _wrong(where, fault.what)
        _check_references(named, entry)


def _check_references(named: str, entry: Mapping[str, Any]) -> None:
    """What is derived from a piece of evidence is among the claims, and a check that is referred to exists."""
    verification = entry["verification"]
    evidence = verification.get("evidence", [])
    for place, item in enumerate(evidence):
        for name in item.get("derived_claims", {}).keys() - entry["claims"].keys():
            where = f"{named}.verification.evidence[{place}].derived_claims.{name}"
            raise _wrong(where, "is not in claims: add it there, or remove it here")
    known = {check.get("check_id") for item in evidence for check in item.get("check_details", [])}
    for place, detail in enumerate(verification.get("assurance_process", {}).get("assurance_details", [])):
        for reference in detail.get("evidence_ref", []):
            if not isinstance(reference, Mapping) or reference.get("check_id") not in known:
                where = f"{named}.verification.assurance_process.assurance_details[{place}].evidence_ref"
                raise _wrong(where, "must name the check_id of a check in the evidence")


def _wrong(where: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{where} {what}", clause="IDA-S 5.4.2", facts={"setting": "users.verified_claims"}
    )


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value
