"""The claims that the `claims` parameter asked for, and whether they came as they were asked for.

A server may leave out any claim, also an essential one. What came, what did not, and what has another value than those
requested is in the report. Only an essential claim of the ID token is demanded: without it the login fails.

Spec: OIDC 5.5, 5.5.1
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit.claim_requests import accepted_values, accepts, is_essential, wishes_of
from fapikit.errors import Remedy
from fapikit.grant_management import MERGE
from fapikit.jose.claims import has_value
from rpkit.errors import WrongRequestedClaim
from rpkit.login.asked import Asked
from rpkit.login.report import LoginReport
from rpkit.login.verified_claims import AskedVerifiedClaims, require_asked_framework, take_verified_claims

_CLAUSE: Final = "OIDC 5.5.1"


def check_requested_claims(
    claims: Mapping[str, Any], asked: Asked, verified: AskedVerifiedClaims, report: LoginReport
) -> Mapping[str, Any]:
    """The claims of the ID token; of the verified ones those that were asked for. Raises WrongRequestedClaim.

    A merged grant may have what earlier requests asked for, too.
    """
    if asked.grant_management_action != MERGE:
        require_asked_framework(claims, verified)
    taken, missing = take_verified_claims(claims, verified, report, of="ID token")
    unmet = (*missing, *compare_claims(claims, wishes_of(asked.claims, "id_token"), "ID token", report))
    if unmet:
        raise WrongRequestedClaim(
            f"the essential claim {unmet[0]} is missing, or has a value that was not requested",
            remedy=Remedy.CORRECT_THE_REQUEST,  # the server may leave out any claim (OIDC 5.5.1)
            facts={"claim": unmet[0]},
        )
    return taken


def compare_claims(
    claims: Mapping[str, Any], wishes: Mapping[str, Any], where: str, report: LoginReport
) -> tuple[str, ...]:
    """Report for each requested claim whether it is there with a requested value.

    Returns the essential ones that are not. A `sub` that was requested by value is essential, because no other user
    may be answered for.
    """
    unmet = []
    for name, wish in wishes.items():
        essential = is_essential(wish) or (name == "sub" and accepted_values(wish) is not None)
        line = f"{where}: {'essential' if essential else 'requested'} claim {name}"
        if has_value(claims, name) and accepts(wish, claims[name]):
            report.passed(line, _CLAUSE)
            continue
        given = _what_came(claims, name)
        report.noticed(line, _CLAUSE, given)
        if essential:
            unmet.append(name)
    return tuple(unmet)


def _what_came(claims: Mapping[str, Any], name: str) -> str:
    if has_value(claims, name):
        return "has a value that was not requested"
    elsewhere = claims.get("_claim_names")
    at_a_source = isinstance(elsewhere, Mapping) and name in elsewhere
    return "at a source: see claims_from_sources" if at_a_source else "not given"
