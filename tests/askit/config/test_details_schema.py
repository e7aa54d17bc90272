"""A type of authorization details that a JSON Schema describes: what is refused, and how the client is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from askit.config.details_types import DetailsType
from askit.config.table import Table
from askit.errors import InvalidAuthorizationDetails
from fapikit.errors import ConfigurationError

API = "https://api.example.test/payments"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["instructedAmount", "creditorAccount"],
    "properties": {
        "instructedAmount": {
            "type": "object",
            "required": ["currency", "amount"],
            "properties": {
                "currency": {"enum": ["EUR", "CHF"]},
                "amount": {"type": "string", "pattern": "^[0-9]{1,9}[.][0-9]{2}$"},
            },
            "additionalProperties": False,
        },
        "creditorAccount": {"type": "object", "properties": {"iban": {"type": "string", "minLength": 15}}},
        "requestedExecutionDate": {"type": "string", "format": "date"},
        "permissions": {"type": ["array", "string"]},
    },
    "unevaluatedProperties": False,
    "allOf": [{"properties": dict.fromkeys(("type", "locations", "identifier", "actions"), True)}],
}
DETAIL: dict[str, Any] = {
    "type": "payment",
    "locations": [API],
    "instructedAmount": {"currency": "EUR", "amount": "12.00"},
    "creditorAccount": {"iban": "DE02100100109307118603"},
    "requestedExecutionDate": "2026-12-01",
}


def read(base: Path = Path(), **settings: Any) -> DetailsType:
    return DetailsType.read(Table({"type": "payment", "resource": API, **settings}, "types[0]"), base)


@pytest.mark.parametrize("where", ["table", "file"])
def test_a_detail_that_keeps_its_schema_passes(where: str, tmp_path: Path) -> None:
    (tmp_path / "payment.schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    kind = read(tmp_path, schema=SCHEMA if where == "table" else "payment.schema.json")
    kind.check(DETAIL)


@pytest.mark.spec("RFC 9396 5")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instructedAmount": None}, "instructedAmount must be of the JSON type object"),
        (
            {"instructedAmount": {"currency": "EUR"}},
            "instructedAmount.amount is missing",
        ),
        (
            {"instructedAmount": {"currency": "GBP", "amount": "1.00"}},
            "instructedAmount.currency must be one of those that this type allows",
        ),
        (
            {"instructedAmount": {"currency": "EUR", "amount": "1"}},
            "instructedAmount.amount must match ^[0-9]{1,9}[.][0-9]{2}$",
        ),
        (
            {"instructedAmount": {"currency": "EUR", "amount": "1.00", "vat": "0.19"}},
            "instructedAmount.vat is not a field of this type",
        ),
        (
            {"creditorAccount": {"iban": "short"}},
            "creditorAccount.iban must have 15 or more characters",
        ),
        ({"requestedExecutionDate": "2026-02-30"}, "requestedExecutionDate must have the format date"),
        ({"permissions": 7}, "permissions must be of the JSON type array or string"),
        ({"unheardOf": 1}, "unheardOf is not a field of this type"),
        ({"consent_id": "chosen by the client"}, "consent_id is set by this server: leave it out"),
        (
            {"locations": ["https://elsewhere.test/"]},
            "locations.0 must be one of those that this type allows",
        ),
        ({"actions": "read"}, "actions must be of the JSON type array"),
        ({"datatypes": [7]}, "datatypes.0 must be of the JSON type string"),
        ({"identifier": 7}, "identifier must be of the JSON type string"),
    ],
)
def test_a_detail_that_breaks_its_schema_is_told_where_and_how(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidAuthorizationDetails) as refused:
        read(schema=SCHEMA).check({**DETAIL, **changes})
    assert refused.value.message == f"authorization_details of type payment: {told}"


def test_no_value_of_the_client_stands_in_the_error() -> None:
    """It may be an account number, and errors are logged."""
    with pytest.raises(InvalidAuthorizationDetails) as refused:
        read(schema=SCHEMA).check({**DETAIL, "creditorAccount": {"iban": "SECRET"}})
    assert "SECRET" not in f"{refused.value} {refused.value.facts}"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"schema": {"type": "objekt"}}, "is not a JSON Schema that can be used"),
        ({"schema": {"pattern": "("}}, "is not a JSON Schema that can be used"),
        ({"schema": {"$ref": "https://elsewhere.test/x.json"}}, "it refers to https://elsewhere.test/x.json"),
        ({"schema": {"$ref": "file:///etc/passwd"}}, "it refers to file:///etc/passwd"),
        ({"schema": {}, "required": ["a"]}, "give it alone"),
        ({"schema": {}, "fields": {"a": "string"}}, "give it alone"),
        ({"schema": {}, "actions": ["read"]}, "give it alone"),
        ({"schema": 7}, "types[0].schema must be a string or a table"),
        ({"schema": "missing.json"}, "types[0].schema: missing.json cannot be read as JSON"),
        ({"schema": "array.json"}, "types[0].schema: array.json must contain a JSON object"),
        ({"fields": {"a": {"b": "text"}}}, "fields.a.b must be one of string, number"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_the_start(
    settings: dict[str, Any], named: str, tmp_path: Path
) -> None:
    (tmp_path / "array.json").write_text("[]", "utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, **settings)
    assert named in str(refused.value)


def test_a_schema_may_refer_to_its_own_parts() -> None:
    own = {"$defs": {"amount": SCHEMA["properties"]["instructedAmount"]}}
    kind = read(schema={**own, "properties": {"instructedAmount": {"$ref": "#/$defs/amount"}}})
    kind.check(DETAIL)
    with pytest.raises(InvalidAuthorizationDetails, match=r"instructedAmount\.amount is missing"):
        kind.check({**DETAIL, "instructedAmount": {"currency": "EUR"}})
