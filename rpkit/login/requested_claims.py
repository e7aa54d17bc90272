"""The claims that the `claims` parameter asked for, and whether the ID token has them.

Spec: OIDC 5.5.1
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fapikit.jose.claims import has_value
from rpkit.errors import WrongRequestedClaim
from rpkit.login.asked import Asked
from rpkit.login.report import LoginReport

_VERIFIED: Final = "verified_claims"


def check_requested_claims(claims: Mapping[str, Any], asked: Asked, report: LoginReport) -> None:
    """Check the essential claims, and the trust framework of verified claims. Raises WrongRequestedClaim."""
    wishes = (asked.claims or {}).get("id_token") or {}
    for name, wish in wishes.items():
        if not isinstance(wish, Mapping):
            continue
        if name == _VERIFIED and has_value(claims, name):
            _check_trust_framework(claims[name], wish, report)
        if not wish.get("essential"):
            continue
        allowed = _allowed(wish)
        if not has_value(claims, name) or (allowed is not None and claims[name] not in allowed):
            raise WrongRequestedClaim(
                f"the essential claim {name} is missing, or has a value that was not requested",
                facts={"claim": name},
            )
        report.passed(f"ID token: essential claim {name}", "OIDC 5.5.1")


def _check_trust_framework(verified: Any, wish: Mapping[str, Any], report: LoginReport) -> None:
    """Claims that were verified under other rules than those that were asked for are not verified for us."""
    asked = _member(_member(wish, "verification"), "trust_framework")
    allowed = _allowed(asked) if isinstance(asked, Mapping) else None
    if allowed is None:
        return
    for each in _entries(verified):
        if _member(_member(each, "verification"), "trust_framework") not in allowed:
            raise WrongRequestedClaim(
                f"{_VERIFIED} has no trust_framework, or not the one that was requested",
                facts={"claim": _VERIFIED},
            )
    report.passed(f"ID token: trust_framework of {_VERIFIED}", "OIDC 5.5.1")


def _entries(verified: Any) -> Iterator[Any]:
    """One object, or a list of them."""
    yield from verified if isinstance(verified, list) else [verified]


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _allowed(wish: Mapping[str, Any]) -> list[Any] | None:
    """The values that were requested; None: any."""
    found: list[Any] | None = wish.get("values", [wish["value"]] if "value" in wish else None)
    return found
