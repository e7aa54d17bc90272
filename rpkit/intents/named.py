"""The intent that a request names: asked for in a way that binds, and found again in the ID token.

Spec: LODGING 2, 3; OIDC 5.5.1
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.lodged_intents import INTENT_CLAIM, SHAPES
from rpkit.bank import Bank
from rpkit.errors import WrongRequestedClaim
from rpkit.login.asked import Asked
from rpkit.login.report import LoginReport

_PREFIXES: Final = tuple(shape.scope_prefix for shape in SHAPES.values() if shape.scope_prefix)
_CHECK: Final = "ID token: the lodged intent"


def require_signed_intent(bank: Bank, claims: Mapping[str, Any] | None) -> None:
    """Raise ConfigurationError for a request that names an intent by claim, and would not be signed."""
    if _named_by_claim(claims) and not bank.settings.signed_requests:
        raise ConfigurationError(
            f"only a signed request may name an intent by {INTENT_CLAIM}: set signed_requests=True",
            clause="LODGING 2",
            facts={"setting": "signed_requests"},
        )


def check_intent(claims: Mapping[str, Any], asked: Asked, report: LoginReport) -> None:
    """Check that an ID token that names an intent names the one that was asked for. Raises WrongRequestedClaim.

    Where the request named it by claim, `check_requested_claims` demands it too. Where a scope named it, the bank may
    leave it out of the ID token.
    """
    wish = _named_by_claim(asked.claims)
    named = {
        scope[len(prefix) :]
        for scope in asked.scope.split()
        for prefix in _PREFIXES
        if scope.startswith(prefix)
    }
    if isinstance(wish, Mapping) and isinstance(wish.get("value"), str):
        named.add(wish["value"])
    if not named:
        return
    found = claims.get(INTENT_CLAIM)
    if found is None:
        report.skipped(_CHECK, "LODGING 3", "the ID token does not name it")
        return
    if not isinstance(found, str) or found not in named:
        raise WrongRequestedClaim(
            "the ID token is about another intent than the one that was asked for",
            clause="LODGING 3",
            facts={"claim": INTENT_CLAIM},
        )
    report.passed(_CHECK, "LODGING 3")


def _named_by_claim(claims: Mapping[str, Any] | None) -> Any:
    return ((claims or {}).get("id_token") or {}).get(INTENT_CLAIM)
