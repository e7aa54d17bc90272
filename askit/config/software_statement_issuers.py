"""The directories whose signed software statements count at a registration: `[[software_statement_issuers]]`.

Spec: RFC 7591 2.3, 3.1.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from askit.config.issuer_keys import WAYS, read_issuer
from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.keyed_issuer import KeyedIssuer, wrong
from fapikit.profiles import Profile

_TABLE: Final = "software_statement_issuers"
_CLAUSE: Final = "RFC 7591 2.3"
_REQUIRED: Final = ("software_id", "redirect_uris")


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareStatementIssuer(KeyedIssuer):
    """One directory.

    `required_members`: the metadata that each of its statements must have. Anybody who has seen a statement can send
    it. So whatever it leaves out is chosen by the sender. `software_ids`: the approved software; None: all of it.
    `algorithms`: those of its signatures; None: those of the profile. `max_age`: seconds since `iat`; None: any age.
    """

    required_members: tuple[str, ...] = _REQUIRED
    software_ids: tuple[str, ...] | None = None
    algorithms: tuple[str, ...] | None = None
    max_age: float | None = None

    @classmethod
    def read(cls, table: Table, base: Path) -> SoftwareStatementIssuer:
        """Raises ConfigurationError."""
        required = table.optional_strings("required_members")
        read = cls(
            **read_issuer(table, base, _TABLE, _CLAUSE),
            required_members=_REQUIRED if required is None else required,
            software_ids=table.optional_strings("software_ids"),
            algorithms=table.optional_strings("algorithms"),
            max_age=table.optional_seconds("max_age"),
        )
        table.require_nothing_else()
        return read


def check_software_statement_issuers(issuers: Iterable[SoftwareStatementIssuer], profile: Profile) -> None:
    """Raise ConfigurationError for a directory whose statements could not be verified, or would never count."""
    seen: set[str] = set()
    for trusted in issuers:
        if trusted.issuer in seen:
            raise _wrong("issuer", f"{trusted.issuer!r} is given twice")
        seen.add(trusted.issuer)
        trusted.check_keys(_TABLE, _CLAUSE, ways=WAYS)
        for alg in trusted.algorithms or ():
            profile.require_algorithm(alg, "a software statement")
        for name in ("software_ids", "algorithms"):
            if getattr(trusted, name) == ():
                raise _wrong(name, f"of {trusted.issuer} is empty: leave it out, or name at least one")


def _wrong(setting: str, why: str) -> ConfigurationError:
    return wrong(_TABLE, setting, why, _CLAUSE)
