"""Claims of a user that another issuer says: `[[users.claims_sources]]`, test data for clients that verify them.

Spec: OIDC 5.6, 5.6.2; IDA 6.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.secrets import Secret
from fapikit.urls import is_secure

_TABLE: Final = "users.claims_sources"
_CLAUSE: Final = "OIDC 5.6.2"
_OURS: Final = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "acr", "amr", "auth_time", "azp", "sid"}
    | {"verified_claims", "_claim_names", "_claim_sources"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsSource:
    """One source: its JWT (aggregated), or the URL where the JWT lies (distributed), perhaps with a token for it.

    `claims`: those that come from it. This server hands it on, and does not verify it.
    """

    claims: tuple[str, ...]
    jwt: Secret | None = None
    endpoint: str | None = None
    access_token: Secret | None = None

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not self.claims:
            raise _wrong("claims", "is missing: name the claims that come from this source")
        if (self.jwt is None) == (self.endpoint is None):
            raise _wrong("endpoint", "and jwt exclude each other: give one of them")
        if self.endpoint is not None and (not is_secure(self.endpoint) or "#" in self.endpoint):
            raise _wrong("endpoint", "must be an https URL without fragment")
        if self.access_token is not None and self.endpoint is None:
            raise _wrong("access_token", "needs endpoint, for which it is")

    @classmethod
    def read(cls, table: Table) -> ClaimsSource:
        """Raises ConfigurationError."""
        secrets = {name: table.optional_string(name) for name in ("jwt", "access_token")}
        source = cls(
            claims=table.strings("claims"),
            endpoint=table.optional_string("endpoint"),
            **{name: None if value is None else Secret(value) for name, value in secrets.items()},
        )
        table.require_nothing_else()
        return source

    def member(self) -> dict[str, Any]:
        """The source as it stands in `_claim_sources`."""
        if self.jwt is not None:
            return {"JWT": self.jwt.reveal()}
        token = {} if self.access_token is None else {"access_token": self.access_token.reveal()}
        return {"endpoint": self.endpoint, **token}


def check_claims_sources(sources: Iterable[ClaimsSource], own: Iterable[str]) -> None:
    """Raise ConfigurationError for a claim that has two sources, or that this server says itself. `own`: the user's."""
    said = {*own, *_OURS}
    for source in sources:
        if twice := said & set(source.claims):
            raise _wrong("claims", f"has {min(twice)!r}, which this server or another source says")
        said |= set(source.claims)


def _wrong(setting: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{_TABLE}: {setting} {why}", clause=_CLAUSE, facts={"setting": f"{_TABLE}.{setting}"}
    )
