"""The keys of an issuer that the settings trust: in the settings, in a file beside them, or behind a URL of the issuer.

Spec: RFC 7523 3-1, 3-9; CIBA 14b
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
class KeyedIssuer:
    """One issuer. Its keys are `jwks`, or behind `jwks_uri`."""

    issuer: str
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)

    def key_source(self, clock: Clock) -> KeySource:
        """Make one, and keep it: it remembers the keys behind `jwks_uri`."""
        if self.jwks_uri is not None:
            return RemoteKeySet(self.jwks_uri, clock=clock)
        return KeySet.from_jwks(self.jwks or {})

    def check_keys(self, table: str, clause: str) -> None:
        """Raise ConfigurationError, which names the setting in `table`, unless there are usable keys."""
        if (self.jwks is None) == (self.jwks_uri is None):
            raise wrong(
                table, "jwks_uri", f"of {self.issuer}: give one of jwks_uri, jwks and jwks_file", clause
            )
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


def read_issuer(entry: Table, base: Path, table: str, clause: str) -> dict[str, Any]:
    """`issuer`, and `jwks_uri`, `jwks` or `jwks_file` beside the configuration file. Raises ConfigurationError."""
    file = entry.optional_string("jwks_file")
    inline = entry.members("jwks") or None
    return {
        "issuer": entry.string("issuer"),
        "jwks_uri": entry.optional_string("jwks_uri"),
        "jwks": inline if file is None else _read_keys(base / file, table, clause),
    }


def wrong(table: str, setting: str, why: str, clause: str) -> ConfigurationError:
    return ConfigurationError(
        f"{table}: {setting} {why}", clause=clause, facts={"setting": f"{table}.{setting}"}
    )


def _read_keys(path: Path, table: str, clause: str) -> Mapping[str, Any]:
    try:
        return strict_json.parse_object(path.read_bytes())
    except (OSError, ValueError) as error:
        raise wrong(table, "jwks_file", f"{path.name} cannot be read: {error}", clause) from error
