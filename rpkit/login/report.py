"""What was checked in a login, each check with its clause, and the signed artefacts as they came.

A report names what passed, what was skipped and why, and what the server granted less or other than was asked.

Spec: FAPI2-MS 7
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from fapikit.errors.base import on_one_line

Outcome: TypeAlias = Literal["passed", "skipped", "noticed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report. `noticed`: not an error, yet less or other than was asked."""

    name: str
    clause: str
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        detail = f": {on_one_line(self.detail)}" if self.detail else ""
        return f"{self.outcome} {self.name} [{self.clause}]{detail}"


class LoginReport:
    """Grows while a login is verified; iterate over it, or print it."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def passed(self, name: str, clause: str, detail: str = "") -> None:
        self._checks.append(Check(name, clause, "passed", detail))

    def skipped(self, name: str, clause: str, why: str) -> None:
        self._checks.append(Check(name, clause, "skipped", why))

    def noticed(self, name: str, clause: str, detail: str) -> None:
        self._checks.append(Check(name, clause, "noticed", detail))

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks)

    @property
    def downgrades(self) -> tuple[Check, ...]:
        """What was granted less or other than was asked."""
        return tuple(check for check in self._checks if check.outcome == "noticed")

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self._checks)

    def __str__(self) -> str:
        return "\n".join(str(check) for check in self._checks)

    def __repr__(self) -> str:
        return f"LoginReport({len(self._checks)} checks, {len(self.downgrades)} noticed)"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The signed artefacts of a login, verbatim. They hold personal data: guard them (FAPI2-MS 7)."""

    request_object: str | None = field(default=None, repr=False)
    authorization_response: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)

    def export(self) -> dict[str, str]:
        """Those that there are, by name, each a compact JWT."""
        artefacts = {
            "request_object": self.request_object,
            "authorization_response": self.authorization_response,
            "id_token": self.id_token,
        }
        return {name: token for name, token in artefacts.items() if token is not None}
