"""The verified claims of a user that a request asks for, as the ID token, UserInfo and the consent page have them.

Nothing is an error here: what the server cannot give as it was asked for is left out.

Spec: IDA 5.5.1, 5.6, 5.7.1, 5.7.2, 5.7.4, 5.7.5, 7, 8
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from askit.config.values import User
from askit.records import AuthorizationRequest, Grant
from fapikit.claim_requests import PLACES, VERIFIED_CLAIMS
from fapikit.verified_claims.requested import BrokenRequest, RequestedVerifiedClaims, requests_of
from fapikit.verified_claims.selection import select


class Given(NamedTuple):
    """One `verified_claims` that is given, and the request that it answers."""

    request: RequestedVerifiedClaims
    taken: Mapping[str, Any]


def given_verified_claims(
    of: Grant | AuthorizationRequest, user: User | None, place: str
) -> tuple[Given, ...]:
    """What is given in one place. `max_age` counts until the request; of a grant, until its last decision."""
    if user is None or not user.verified_claims or "openid" not in of.scopes:
        return ()
    decided_at = of.updated_at if isinstance(of, Grant) else None
    try:
        requests = requests_of(of.claims, place)
    except BrokenRequest:  # stored by a version that did not look into it: nobody saw it on the page either
        return ()
    return tuple(_given(requests, user, decided_at or of.created_at))


def _given(requests: Iterable[RequestedVerifiedClaims], user: User, at: float) -> Iterator[Given]:
    for request in requests:
        for entry in user.verified_claims:
            taken = select(request, entry, at=at).taken
            if taken is not None:
                yield Given(request, taken)


def verified_claims_member(grant: Grant, user: User | None, place: str) -> dict[str, Any]:
    """The member of the ID token or of UserInfo: an object, an array if there are several, nothing if there is none."""
    found = [given.taken for given in given_verified_claims(grant, user, place)]
    if not found:
        return {}
    return {VERIFIED_CLAIMS: found[0] if len(found) == 1 else found}


def given_anywhere(of: Grant | AuthorizationRequest, user: User | None) -> tuple[Given, ...]:
    """What is given in both places."""
    return tuple(given for place in PLACES for given in given_verified_claims(of, user, place))


def verified_claims_metadata(users: Iterable[User]) -> dict[str, list[str]]:
    """The members of IDA 8, from what the users have. Empty if no user has verified claims."""
    entries = [entry for user in users for entry in user.verified_claims]
    evidence = [item for entry in entries for item in entry["verification"].get("evidence", [])]
    documents = [item for item in evidence if item["type"] == "document"]
    found: dict[str, set[str]] = {
        "trust_frameworks_supported": {entry["verification"]["trust_framework"] for entry in entries},
        "claims_in_verified_claims_supported": {name for entry in entries for name in entry["claims"]},
        "evidence_supported": {item["type"] for item in evidence},
        "documents_supported": _types(documents, "document_details"),
        "documents_check_methods_supported": {
            check["check_method"] for item in documents for check in item.get("check_details", [])
        },
        "electronic_records_supported": _types(evidence, "record"),
    }
    return {name: sorted(values) for name, values in found.items() if values}


def _types(evidence: Iterable[Mapping[str, Any]], member: str) -> set[str]:
    return {item[member]["type"] for item in evidence if member in item}
