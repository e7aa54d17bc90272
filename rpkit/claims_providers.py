"""The issuers beside the bank whose claims about a user count: who they are, their keys, and where they are asked.

Spec: OIDC 5.6.2; IDA 6.2
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.keyed_issuer import KeyedIssuer, wrong
from fapikit.profiles import Profile
from fapikit.setting_types import check_text_settings
from fapikit.urls import is_secure

_TABLE: Final = "claims_providers"
_CLAUSE: Final = "OIDC 5.6.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsProvider(KeyedIssuer):
    """One issuer of aggregated and distributed claims. Its keys are `jwks`, or behind `jwks_uri`.

    `endpoints`: the URLs at which its claims may be fetched, letter by letter. A bank cannot have any other URL called.
    Without endpoints it has aggregated claims only. `claims`: the names of the claims that it is believed for; None:
    all. `algorithms`: with which it may sign; None: with those of the profile.
    """

    endpoints: Collection[str] = ()
    claims: Collection[str] | None = None
    algorithms: Collection[str] | None = None

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if not self.issuer:
            raise wrong(_TABLE, "issuer", "is missing: give the iss of its JWTs", _CLAUSE)
        self.check_keys(_TABLE, _CLAUSE)
        for name in ("claims", "algorithms"):
            value = getattr(self, name)
            if value is not None and not value:
                raise wrong(
                    _TABLE, name, f"of {self.issuer} is empty: leave it out, or name at least one", _CLAUSE
                )
        for endpoint in self.endpoints:
            if not is_secure(endpoint) or "#" in endpoint:
                raise wrong(
                    _TABLE, "endpoints", f"of {self.issuer} must be https URLs without fragment", "IDA 6.1"
                )


def check_claims_providers(providers: Iterable[ClaimsProvider], profile: Profile) -> None:
    """Raise ConfigurationError for an issuer or endpoint that is named twice, or an algorithm that is not allowed."""
    issuers, endpoints = set[str](), set[str]()
    for provider in providers:
        if not isinstance(provider, ClaimsProvider):
            raise ConfigurationError(
                "claims_providers must be a list of ClaimsProvider", clause=_CLAUSE, facts={"setting": _TABLE}
            )
        if provider.issuer in issuers:
            raise wrong(_TABLE, "issuer", f"{provider.issuer!r} is given twice", _CLAUSE)
        if shared := endpoints & set(provider.endpoints):
            raise wrong(_TABLE, "endpoints", f"has {min(shared)!r} at two issuers", _CLAUSE)
        issuers.add(provider.issuer)
        endpoints |= set(provider.endpoints)
        for alg in provider.algorithms or ():
            profile.require_algorithm(alg, "a JWT of a claims source")
