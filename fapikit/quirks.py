"""Quirks: what may be relaxed for a peer that is not ready yet, each one rule of one profile, until a day.

The list is closed; `docs/quirks.md` names the banks that need each. What FAPI 2 makes mandatory has no quirk: there a
quirk moves only within what the clause leaves free. A quirk warns from 30 days before its day; after it the profile can
no longer be constructed, while a process that runs already is not cut off.

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
    """A relaxed rule comes back in less than 30 days; after that day the configuration no longer loads."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One field, its relaxed value from the one before, and the FAPI 2 clauses that leave room for it."""

    setting: str
    value: Callable[[Any], Any]
    allowed_by: frozenset[str] = frozenset()


class Quirk(Enum):
    """Everything that can be relaxed."""

    ACCEPT_RS256 = _Change("signing_algorithms", lambda algorithms: algorithms | {"RS256"})
    """A peer that signs with RS256 still (FAPI 1: should not; OIDC's default)."""

    TOKEN_ENDPOINT_AUDIENCE = _Change("assertion_audiences", lambda audiences: audiences | {"token_endpoint"})
    """Client assertions are meant for the token endpoint still, as RFC 7523 let them be."""

    NAMED_ASSERTION_AUDIENCE = _Change("named_assertion_audience", lambda _: True)
    """A bank takes client assertions only for a name of its own, such as its organisation's id in a directory."""

    FURTHER_ID_TOKEN_AUDIENCES = _Change("further_id_token_audiences", lambda _: True)
    """A server's ID tokens are for others too; whom of them the client trusts it says with `trusted_audiences`."""

    JARM_ISS_TWICE = _Change("jarm_iss_twice", lambda _: True)
    """Signed responses name `iss` twice with one value: a JWT that parsers may refuse (RFC 7519 4)."""

    PKCE_OPTIONAL = _Change("pkce_required", lambda _: False)
    """Clients that send no challenge yet; a challenge that is sent is enforced all the same.

    askit lets those leave it out that authenticate and send a `nonce` with `openid` (RFC 9700 2.1.1).
    """

    LONG_REQUEST_OBJECTS = _Change(
        "request_object_max_lifetime",
        lambda lifetime: None if lifetime is None else 86_400.0,
    )
    """Request objects that live up to a day, where their life is limited at all."""

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
    """ECDSA certificates under TLS 1.2, where FAPI 1 names RSA suites only."""

    REFRESH_ROTATION = _Change("refresh_rotation", lambda _: True, frozenset({"FAPI2-SP 5.3.2.1-9"}))
    """Rotate refresh tokens while moving from one store to another: the extraordinary case of FAPI 2."""

    SKEW_OF_A_MINUTE = _Change("clock_skew", lambda _: 60.0, frozenset({"FAPI2-SP 5.3.2.1-13"}))
    """Bear clocks up to a minute ahead, as far as FAPI 2 goes."""

    @property
    def setting(self) -> str:
        """The one field that it changes."""
        return self.value.setting

    @property
    def allowed_by(self) -> frozenset[str]:
        """The FAPI 2 clauses that leave room for it."""
        return self.value.allowed_by

    def relaxed(self, value: Any) -> Any:
        """The relaxed value of its field, from the one before."""
        return self.value.value(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """A quirk in force, with the last day on which the profile can be constructed."""

    quirk: Quirk
    until: date
    reason: str
