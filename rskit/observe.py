"""Observing before enforcing: until a date, refusals are logged with a reason and the requests pass.

A token that is bound, or that claims to be bound, is never excused. Nothing is excused where the profile requires bound
tokens. The API must not switch off what protects the client's token.

Spec: FAPI2-SP 5.3.4-5; RFC 6750 3.1
Role: RS
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from fapikit import base64url, strict_json
from fapikit.errors import CertificateHeaderRefused, ConfigurationError, DPoPError, FapiError
from rskit.errors import BindingRefused, UnusableCredentials
from rskit.possession.credentials import DPOP, read_credentials
from rskit.request_view import RequestView
from rskit.tokens.jwt import is_jwt
from rskit.tokens.token import Token


@dataclass(frozen=True, slots=True)
class Observe:
    """`until`: the first day on which everything is enforced. `reason`: for the next reader of the configuration."""

    until: dt.date
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigurationError("Observe needs a reason=: say why refusals are not enforced yet")

    def lasts(self, now: float) -> bool:
        return now < self.ends_at

    @property
    def ends_at(self) -> float:
        midnight = dt.time(tzinfo=dt.UTC)
        return dt.datetime.combine(self.until, midnight).timestamp()


def may_excuse(error: FapiError, view: RequestView, token: Token | None) -> bool:
    """Whether observing lets this refused request pass."""
    if (
        isinstance(error, DPoPError | BindingRefused | CertificateHeaderRefused | UnusableCredentials)
        or view.dpop
    ):
        return False
    if token is not None:
        return token.confirmation == (None, None)
    return not _seems_bound(view)


def _seems_bound(view: RequestView) -> bool:
    """Decides by the scheme, or by the claims of the unverified JWT. In doubt, the token counts as bound."""
    try:
        credentials = read_credentials(view)
        if credentials is None:
            return False
        if credentials.scheme == DPOP:
            return True
        if not is_jwt(credentials.token):
            return False
        return "cnf" in strict_json.parse_object(base64url.decode(credentials.token.split(".")[1]))
    except (FapiError, ValueError):
        return True
