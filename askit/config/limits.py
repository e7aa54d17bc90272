"""How much anybody without authentication, or one client, may use: octets, numbers and seconds, each with a default.

docs/askit.md gives the reason for each default, in its table of `[limits]`.

Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from askit.config.table import Table
from fapikit.errors import ConfigurationError

_AT_MOST: Final = (
    ("connections_per_address", "connections"),
    ("parameter_octets", "long_parameter_octets"),
    ("long_parameter_octets", "body_octets"),
    ("sealed_request_octets", "header_octets"),
    ("registration_octets", "record_octets"),
    ("wrong_passwords", "wrong_passwords_per_address"),
    ("wrong_passwords", "wrong_passwords_per_name"),
    ("wrong_user_codes", "wrong_user_codes_in_all"),
    ("pending_per_user", "pending_per_user_in_all"),
)
"""Pairs of limits: the first must not be greater than the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The table `[limits]`. Times are seconds. None: derived from the store."""

    header_octets: int = 32_768
    headers: int = 100
    body_octets: int = 131_072
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 60.0
    idle_seconds: float = 15.0
    connections: int = 400
    connections_per_address: int = 200
    waiting_per_client: int = 20
    log_lines_per_second: int = 50
    log_line_octets: int = 4_096
    parameters: int = 100
    parameter_octets: int = 8_192
    long_parameter_octets: int = 65_536
    sealed_request_octets: int = 12_288
    record_octets: int = 65_536
    store_octets: int | None = None
    entries_per_client: int | None = None
    octets_per_client: int | None = None
    registrations_per_address: int = 50
    registration_octets: int = 16_384
    wrong_passwords: int = 5
    wrong_passwords_per_address: int = 50
    wrong_passwords_per_name: int = 100
    wrong_user_codes: int = 5
    wrong_user_codes_in_all: int = 100
    pending_per_user: int = 5
    pending_per_user_in_all: int = 20
    password_counters: int = 10_000

    @classmethod
    def read(cls, table: Table) -> Limits:
        """Raises ConfigurationError."""
        given = {
            entry.name: (
                table.optional_seconds(entry.name)
                if entry.name.endswith("_seconds")
                else table.optional_count(entry.name)
            )
            for entry in fields(cls)
        }
        table.require_nothing_else()
        return cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        for part, whole in _AT_MOST:
            if getattr(self, part) > getattr(self, whole):
                raise ConfigurationError(
                    f"limits.{part} = {getattr(self, part)} must not be more than "
                    f"limits.{whole} = {getattr(self, whole)}",
                    facts={"setting": f"limits.{part}"},
                )
