"""The claims that the `claims` parameter asked for, and whether they came as they were asked for.

A server may leave out any claim, also an essential one. What came, what did not, and what has another value than those
requested is in the report. Only an essential claim of the ID token is demanded: without it the login fails.

Spec: OIDC 5.5, 5.5.1
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fapikit.claim_requests import VERIFIED_CLAIMS, accepted_values, accepts, is_essential, wishes_of
from fapikit.jose.claims import has_value
from rpkit.errors import WrongRequestedClaim
from rpkit.login.asked import Asked
from rpkit.login.report import LoginReport

_CLAUSE: Final = "OIDC 5.5.1"


def check_requested_claims(claims: Mapping[str, Any], asked: Asked, report: LoginReport) -> None:
    """Check the essential claims, and the trust framework of verified claims. Raises WrongRequestedClaim."""
    verified = ((asked.claims or {}).get("id_token") or {}).get(VERIFIED_CLAIMS)
    if isinstance(verified, Mapping) and has_value(claims, VERIFIED_CLAIMS):
        _check_trust_framework(claims[VERIFIED_CLAIMS], verified, report)
    if is_essential(verified) and not has_value(claims, VERIFIED_CLAIMS):
        raise _essential_is_missing(VERIFIED_CLAIMS)
    unmet = compare_claims(claims, wishes_of(asked.claims, "id_token"), "ID token", report)
    if unmet:
        raise _essential_is_missing(unmet[0])


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
        given = "has a value that was not requested" if has_value(claims, name) else "not given"
        report.noticed(line, _CLAUSE, given)
        if essential:
            unmet.append(name)
    return tuple(unmet)


def _essential_is_missing(name: str) -> WrongRequestedClaim:
    return WrongRequestedClaim(
        f"the essential claim {name} is missing, or has a value that was not requested",
        facts={"claim": name},
    )


def _check_trust_framework(verified: Any, wish: Mapping[str, Any], report: LoginReport) -> None:
    """Claims that were verified under other rules than those that were asked for are not verified for us."""
    asked = _member(_member(wish, "verification"), "trust_framework")
    allowed = accepted_values(asked)
    if allowed is None:
        return
    for each in _entries(verified):
        if _member(_member(each, "verification"), "trust_framework") not in allowed:
            raise WrongRequestedClaim(
                f"{VERIFIED_CLAIMS} has no trust_framework, or not the one that was requested",
                facts={"claim": VERIFIED_CLAIMS},
            )
    report.passed(f"ID token: trust_framework of {VERIFIED_CLAIMS}", "OIDC 5.5.1")


def _entries(verified: Any) -> Iterator[Any]:
    """One object, or a list of them."""
    yield from verified if isinstance(verified, list) else [verified]


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None
