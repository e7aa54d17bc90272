"""A request for verified claims: one that is valid, and single changes, each refused by its member and its rule."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.verified_claims.requested import (
    MAX_REQUESTED,
    BrokenRequest,
    Element,
    Filters,
    read_requests,
    requests_in,
)
from tests.mothers.verified_claims import REFUSED, WISH, changed, published


def valid_by_schema(wish: Any) -> bool:
    return bool(published("verified_claims_request").is_valid({"userinfo": {"verified_claims": wish}}))


@pytest.mark.spec("IDA 5.3", "IDA 5.4", "IDA 5.5.2")
def test_a_request_is_read_element_by_element() -> None:
    (request,) = read_requests(WISH)
    assert valid_by_schema(WISH)
    asked = request.verification.asked
    assert asked["trust_framework"] == Element(values=("eidas",))
    assert asked["time"] == Element(max_age=31_536_000)
    assert isinstance(asked["evidence"], Filters)
    assert request.claims == {
        "given_name": Element(),
        "birthdate": Element(essential=True, purpose="You must be of age"),
    }


@pytest.mark.spec("IDA 5.6")
def test_an_array_has_several_requests_and_each_knows_its_place() -> None:
    claims = {"userinfo": {"verified_claims": [WISH, WISH]}, "id_token": {"verified_claims": WISH}}
    assert [request.path for request in requests_in(claims)] == [
        "claims.userinfo.verified_claims[0]",
        "claims.userinfo.verified_claims[1]",
        "claims.id_token.verified_claims",
    ]
    assert list(requests_in({"userinfo": None, "id_token": {"name": None}})) == []
    assert list(requests_in(None)) == []


@pytest.mark.spec("OIDC 5.5.1")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("claims.given_name", {"later_restriction": 1}),
        ("claims.address", {"country": None}),
        ("verification.trust_framework", {"value": "eidas", "later_restriction": 1}),
        ("verification.assurance_process", {"policy": None, "assurance_details": [{"check_id": "x"}]}),
        ("verification.later_member", None),
        ("verification.essential", True),
        ("verification.evidence.0.document_details.purpose", "To know the document"),
        ("claims", {}),
    ],
)
def test_what_is_not_known_is_no_error(path: str, value: Any) -> None:
    read_requests(changed(WISH, path, value))


@pytest.mark.spec("IDA 5.3", "IDA 5.4")
@pytest.mark.parametrize(("path", "value", "where", "rule"), REFUSED)
def test_a_broken_request_is_refused_by_its_member(path: str, value: Any, where: str, rule: str) -> None:
    with pytest.raises(BrokenRequest) as refused:
        read_requests(changed(WISH, path, value))
    assert refused.value.path == f"verified_claims.{where}"
    assert rule in refused.value.what
    assert refused.value.clause.startswith(("IDA", "OIDC"))


@pytest.mark.parametrize("value", [None, "all", [], [None], [WISH] * (MAX_REQUESTED + 1)])
def test_a_request_is_an_object_or_a_bounded_array_of_objects(value: Any) -> None:
    with pytest.raises(BrokenRequest):
        read_requests(value)


STRICTER = {
    "verification.trust_framework.values",
    "verification.evidence.0.document_details.value",
    "verification.trust_framework",
    "verification.evidence.0.type",
    "verification.evidence.0.type.values",
}
"""Where the published schema lets pass what the text forbids, or what has two readings."""


@pytest.mark.spec("IDA 5.3")
@pytest.mark.parametrize(("path", "value", "where", "rule"), REFUSED)
def test_what_the_published_schema_refuses_is_refused(path: str, value: Any, where: str, rule: str) -> None:
    assert not valid_by_schema(changed(WISH, path, value)) or path in STRICTER


@pytest.mark.spec("IDA-S 5.3")
def test_no_claims_may_be_asked_for_though_the_published_schema_wants_one() -> None:
    """The text allows an empty `claims`, and the text wins over the schema."""
    assert not valid_by_schema(changed(WISH, "claims", {}))
    assert read_requests(changed(WISH, "claims", {}))[0].claims == {}


def test_a_client_may_give_tuples() -> None:
    """They are arrays once they are sent."""
    evidence = tuple(WISH["verification"]["evidence"])
    wish = {**WISH, "verification": {**WISH["verification"], "evidence": evidence}}
    assert read_requests((wish,))[0].verification == read_requests(WISH)[0].verification
