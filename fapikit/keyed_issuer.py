"""The keys of an issuer that the settings trust by name: in the settings, or behind a URL that the settings name.

Spec: RFC 7523 3-1, 3-9; CIBA 14b; OIDC 5.6.2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, FapiError
from fapikit.jose.key_set import KeySet, KeySource
from fapikit.jwks import DEFAULT_LIMITS, KeyLimits, RemoteKeySet
from fapikit.setting_types import check_text_settings
from fapikit.urls import is_secure


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedIssuer:
    """One issuer. Its keys are `jwks`, or behind `jwks_uri`. No message of anybody says where they are."""

    issuer: str
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)

    def key_source(self, clock: Clock, limits: KeyLimits = DEFAULT_LIMITS) -> KeySource:
        """Make one, and keep it: it remembers the keys behind `jwks_uri`."""
        if self.jwks_uri is not None:
            return RemoteKeySet(self.jwks_uri, clock=clock, limits=limits)
        return KeySet.from_jwks(self.jwks or {})

    def check_keys(self, table: str, clause: str, *, ways: str = "jwks_uri and jwks") -> None:
        """Raise ConfigurationError, which names the setting in `table`, unless there are usable keys.

        `ways`: how keys can be given.
        """
        check_text_settings(self)
        if (self.jwks is None) == (self.jwks_uri is None):
            raise wrong(table, "jwks_uri", f"of {self.issuer}: give one of {ways}", clause)
        if self.jwks_uri is not None and not is_secure(self.jwks_uri):
            raise wrong(table, "jwks_uri", f"of {self.issuer} must be an https URL", clause)
        if self.jwks is None:
            return
        try:
            keys = KeySet.from_jwks(self.jwks)
        except FapiError as error:
            raise wrong(table, "jwks", f"of {self.issuer}: {error.message}", clause) from error
        if not keys.keys:
            raise wrong(table, "jwks", f"of {self.issuer} has no usable key", clause)


def wrong(table: str, setting: str, why: str, clause: str) -> ConfigurationError:
    return ConfigurationError(
        f"{table}: {setting} {why}", clause=clause, facts={"setting": f"{table}.{setting}"}
    )
