"""Quirks: rules that may be relaxed for a peer that is not ready yet. A quirk relaxes one rule of one profile.

A quirk has a last day. In the 30 days before it, the quirk warns. After it, the profile can no longer be constructed;
a process that is already running continues. The list of quirks is complete. `docs/quirks.md` names the banks that need
each one. A mandatory rule of FAPI 2 has no quirk, unless its clause leaves a choice.

Spec: FAPI2-SP 5.1.2
Role: C, AS, RS
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any, Final

NOTICE: Final = timedelta(days=30)


class QuirkEndsSoon(UserWarning):
    """A quirk ends in less than 30 days. After its last day the configuration no longer loads."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One field, the function from its value to the relaxed value, and the FAPI 2 clauses that allow that."""

    setting: str
    value: Callable[[Any], Any]
    allowed_by: frozenset[str] = frozenset()


class Quirk(Enum):
    """All quirks. Each relaxes one rule."""

    ACCEPT_RS256 = _Change("signing_algorithms", lambda algorithms: algorithms | {"RS256"})
    """A peer still signs with RS256 (the default of OIDC; FAPI 1 says "should not")."""

    TOKEN_ENDPOINT_AUDIENCE = _Change("assertion_audiences", lambda audiences: audiences | {"token_endpoint"})
    """A server still demands the token endpoint as `aud` of client assertions, as RFC 7523 allowed."""

    NAMED_ASSERTION_AUDIENCE = _Change("named_assertion_audience", lambda _: True)
    """A bank accepts client assertions only with an `aud` of its own, such as its organisation id in a directory."""

    FURTHER_ID_TOKEN_AUDIENCES = _Change("further_id_token_audiences", lambda _: True)
    """ID tokens of a server have further audiences. The client lists those that it trusts in `trusted_audiences`."""

    SCOPE_BEYOND_REQUEST = _Change("scope_beyond_request", lambda _: True)
    """A server grants scope that was not asked for. The report of a login tells it."""

    JARM_ISS_TWICE = _Change("jarm_iss_twice", lambda _: True)
    """Signed responses have `iss` twice with the same value. Parsers may refuse such a JWT (RFC 7519 4)."""

    PKCE_OPTIONAL = _Change("pkce_required", lambda _: False)
    """Some clients send no `code_challenge` yet. A challenge that is sent is still enforced.

    With askit, only a client that authenticates and sends a `nonce` with `openid` may leave it out (RFC 9700 2.1.1).
    """

    LONG_REQUEST_OBJECTS = _Change(
        "request_object_max_lifetime",
        lambda lifetime: None if lifetime is None else 86_400.0,
    )
    """Request objects may live for up to a day, if the profile limits their lifetime."""

    ECDSA_SUITES = _Change(
        "tls12_ciphers",
        lambda suites: (
            *suites,
            *(
                suite
                for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
                if suite not in suites
            ),
        ),
    )
    """ECDSA certificates with TLS 1.2: FAPI 1 names RSA cipher suites only."""

    REFRESH_ROTATION = _Change("refresh_rotation", lambda _: True, frozenset({"FAPI2-SP 5.3.2.1-9"}))
    """Rotate refresh tokens during the migration from one store to another (the exception in FAPI 2)."""

    SKEW_OF_A_MINUTE = _Change("clock_skew", lambda _: 60.0, frozenset({"FAPI2-SP 5.3.2.1-13"}))
    """Accept clocks that are up to a minute ahead, which is the maximum of FAPI 2."""

    @property
    def setting(self) -> str:
        """The field of the profile that the quirk changes."""
        return self.value.setting

    @property
    def allowed_by(self) -> frozenset[str]:
        """The FAPI 2 clauses that allow the change."""
        return self.value.allowed_by

    def relaxed(self, value: Any) -> Any:
        """The relaxed value of the field, from its value without the quirk."""
        return self.value.value(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """A quirk of a profile, with the last day on which the profile can be constructed."""

    quirk: Quirk
    until: date
    reason: str
