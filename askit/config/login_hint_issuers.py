"""The issuers that may say by a `login_hint_token` which user a CIBA request is about: `[[login_hint_issuers]]`.

Spec: CIBA 7.1c, 14b
Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from askit.config.issuer_keys import WAYS, read_issuer
from askit.config.table import Table
from fapikit.keyed_issuer import KeyedIssuer

_TABLE: Final = "login_hint_issuers"
_CLAUSE: Final = "CIBA 14b"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginHintIssuer(KeyedIssuer):
    """An issuer whose word about who is meant counts."""

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        self.check_keys(_TABLE, _CLAUSE, ways=WAYS)

    @classmethod
    def read(cls, entry: Table, base: Path) -> LoginHintIssuer:
        """Raises ConfigurationError."""
        read = read_issuer(entry, base, _TABLE, _CLAUSE)
        entry.require_nothing_else()
        return cls(**read)
