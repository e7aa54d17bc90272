"""`[[login_hint_issuers]]`: who may say by a `login_hint_token` which user an authentication request is about.

Spec: CIBA 7.1c, 14b
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from askit.config.table import Table
from fapikit import strict_json
from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, FapiError
from fapikit.jose.key_set import KeySet, KeySource
from fapikit.jwks import RemoteKeySet
from fapikit.urls import is_secure


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginHintIssuer:
    """An issuer, with its public keys or the URL at which it publishes them."""

    issuer: str
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if (self.jwks_uri is None) == (self.jwks is None):
            raise ConfigurationError(
                f"login_hint_issuers: {self.issuer} needs jwks_uri or jwks_file, and not both",
                clause="CIBA 14b",
                facts={"setting": "login_hint_issuers"},
            )
        if self.jwks_uri is not None and not is_secure(self.jwks_uri):
            raise ConfigurationError(
                f"login_hint_issuers: jwks_uri of {self.issuer} must be an https URL",
                facts={"setting": "login_hint_issuers.jwks_uri"},
            )
        try:
            KeySet.from_jwks(self.jwks or {"keys": []})
        except FapiError as error:
            raise ConfigurationError(
                f"login_hint_issuers: the keys of {self.issuer}: {error.message}",
                facts={"setting": "login_hint_issuers.jwks_file"},
            ) from error

    @classmethod
    def read(cls, table: Table, base: Path) -> LoginHintIssuer:
        """Raises ConfigurationError."""
        issuer, jwks_uri = table.string("issuer"), table.optional_string("jwks_uri")
        file = table.optional_string("jwks_file")
        table.require_nothing_else()
        try:
            jwks = None if file is None else strict_json.parse_object((base / file).read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{table.name('jwks_file')}: {file} cannot be read: {error}") from error
        return cls(issuer=issuer, jwks_uri=jwks_uri, jwks=jwks)

    def keys(self, clock: Clock) -> KeySource:
        """Where its keys are found. One object serves all requests, because it caches what was fetched."""
        if self.jwks_uri is not None:
            return RemoteKeySet(self.jwks_uri, clock=clock)
        return KeySet.from_jwks(self.jwks or {"keys": []})
