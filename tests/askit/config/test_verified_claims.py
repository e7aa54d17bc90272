"""The verified claims of a user in the settings: one that is valid, and single changes, each refused by its member."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from askit import Config
from fapikit.errors import ConfigurationError
from tests.askit.bank import settings
from tests.mothers.verified_claims import EIDAS, changed, published
from tools.citations import ROOT

SIGNATURE = {"type": "electronic_signature", "signature_type": "qes", "issuer": "CA", "serial_number": "1"}


def config(*verified: Any, **claims: Any) -> Config:
    alice, bob = settings()["users"]
    return Config.from_mapping(
        settings(users=[{**alice, "claims": claims, "verified_claims": [*verified]}, bob])
    )


def test_what_the_specification_allows_is_read() -> None:
    assert config(EIDAS).users[0].verified_claims == (EIDAS,)
    config(changed(EIDAS, "verification.evidence", [SIGNATURE, {"type": "vouch"}]))
    config(changed(EIDAS, "verification.a_later_member", [1]))


def test_dates_of_toml_are_text() -> None:
    text = """
    trust_framework = "eidas"
    time = 2026-05-01T10:00:00Z
    evidence = [{type = "document", document_details = {type = "passport", date_of_expiry = 2034-01-30}}]
    """
    entry = {
        "verification": tomllib.loads(text),
        "claims": {"birthdate": tomllib.loads("d = 1990-02-03")["d"]},
    }
    (read,) = config(entry).users[0].verified_claims
    assert read["claims"] == {"birthdate": "1990-02-03"}
    assert read["verification"]["time"] == "2026-05-01T10:00:00+00:00"
    assert read["verification"]["evidence"][0]["document_details"]["date_of_expiry"] == "2034-01-30"


DOCUMENT = "verification.evidence.0"


REFUSED: list[tuple[str, Any, str]] = [
    ("verification", ..., "verification is missing"),
    ("claims", ..., "claims is missing"),
    ("claims", {}, "claims must have at least one member"),
    ("claims", ["given_name"], "claims must be of the JSON type object"),
    ("claim", {"a": 1}, "claim is not a member of verified_claims"),
    ("verification.trust_framework", ..., "verification.trust_framework is missing"),
    ("verification.trust_framework", 1, "verification.trust_framework must be of the JSON type string"),
    ("verification.trust_framework", "", "verification.trust_framework must not be empty"),
    ("verification.assurance_level", 2, "verification.assurance_level must be of the JSON type string"),
    (
        "verification.assurance_process",
        {},
        "verification.assurance_process must have at least one member",
    ),
    ("verification.time", "2026-05-01T10:00:00", "verification.time must be a time with its zone"),
    ("verification.evidence", [], "verification.evidence must have at least one item"),
    (f"{DOCUMENT}.type", ..., f"{DOCUMENT}.type is missing"),
    (f"{DOCUMENT}.type", "id_document", f"{DOCUMENT}.type must be one of document, electronic_record"),
    (f"{DOCUMENT}.check_details", [], f"{DOCUMENT}.check_details must have at least one item"),
    (
        f"{DOCUMENT}.check_details.0.check_method",
        ...,
        f"{DOCUMENT}.check_details.0.check_method is missing",
    ),
    (f"{DOCUMENT}.document_details.type", ..., f"{DOCUMENT}.document_details.type is missing"),
    (f"{DOCUMENT}.document_details", ..., f"{DOCUMENT}.document_details is missing"),
    ("verification.evidence.1.record", ..., "verification.evidence.1.record is missing"),
    (
        f"{DOCUMENT}.document_details.date_of_expiry",
        "2034-02-30",
        "date_of_expiry must be a date such as",
    ),
    ("verification.evidence.1.record.type", ..., "verification.evidence.1.record.type is missing"),
    (DOCUMENT, {"type": "vouch", "attestation": {}}, f"{DOCUMENT}.attestation.type is missing"),
    (DOCUMENT, changed(SIGNATURE, "issuer", ...), f"{DOCUMENT}.issuer is missing"),
    (
        DOCUMENT,
        {"type": "vouch", "derived_claims": {"email": "a"}},
        "derived_claims.email is not in claims",
    ),
    (
        "verification.assurance_process",
        {"assurance_details": [{"evidence_ref": [{"check_id": "x"}]}]},
        "evidence_ref must name the check_id of a check",
    ),
]


@pytest.mark.spec("IDA-S 5.2", "IDA-S 5.4.2", "IDA-S 5.4.4")
@pytest.mark.parametrize(("path", "value", "told"), REFUSED)
def test_a_fault_is_told_with_its_user_and_member(path: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        config(EIDAS, changed(EIDAS, path, value))
    assert str(refused.value.message).startswith("users (alice): verified_claims[1].")
    assert told in refused.value.message


def test_they_are_no_plain_claim() -> None:
    with pytest.raises(ConfigurationError, match=r"claims\.verified_claims is no plain claim"):
        config(verified_claims=EIDAS)


def test_a_table_that_is_no_array_is_refused() -> None:
    alice, _ = settings()["users"]
    with pytest.raises(ConfigurationError, match=r"users\[0\].verified_claims must be an array"):
        Config.from_mapping(settings(users=[{**alice, "verified_claims": EIDAS}]))


BY_THE_TEXT_ALONE = (
    "trust_framework must not be empty",
    "assurance_process must have at least one member",
    "time must be a time with its zone",
    "type must be one of document",
    "check_details",
    "document_details.type is missing",
    "record.type is missing",
    "attestation.type is missing",
    "document_details is missing",
    "record is missing",
    "issuer is missing",
    "derived_claims.email is not in claims",
    "evidence_ref must name the check_id",
)
"""What the published schema, which is older than the text, lets pass."""


@pytest.mark.spec("IDA-S 5.2")
@pytest.mark.parametrize(("path", "value", "told"), REFUSED)
def test_what_the_published_schema_refuses_is_refused(path: str, value: Any, told: str) -> None:
    schema = published("verified_claims")
    assert schema.is_valid({"verified_claims": [EIDAS]})
    passes = schema.is_valid({"verified_claims": [changed(EIDAS, path, value)]})
    assert passes == any(known in told for known in BY_THE_TEXT_ALONE)


def test_the_example_of_the_guide_is_valid() -> None:
    guide = (ROOT / "docs" / "askit.md").read_text("utf-8")
    section = guide.split("\n## Verified claims\n")[1].split("\n## ")[0]
    example = section.split("```toml\n")[1].split("```")[0]
    (user,) = Config.from_mapping(settings(**tomllib.loads(example))).users
    assert user.verified_claims[0]["claims"]["birthdate"] == "1990-02-03"
