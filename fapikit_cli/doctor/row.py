"""One row of an examination, and the report that they make.

Role: C
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fapikit.clauses import clause_in_force
from fapikit.errors import FapiError
from fapikit.profile import Profile
from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.settings_in_words import settings_in_words


class Verdict(StrEnum):
    """`warns`: a recommendation is not followed, or something will fail soon. `undecided`: it could not be seen."""

    HOLDS = "holds"
    WARNS = "warns"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Row:
    """`rule`: a stable name for machines. `about`: the host, URL, key or member that was looked at."""

    rule: str
    about: str
    verdict: Verdict
    clause: str
    requirement: str
    found: str
    what_to_do: str = ""

    def as_json(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in self.__slots__}


class Rules:
    """Makes the rows about one thing, with the clauses that are in force for the profile."""

    def __init__(self, about: str, profile: Profile) -> None:
        self.about = about
        self.profile = profile

    def row(
        self,
        rule: str,
        holds: bool | None,
        clause: str,
        requirement: str,
        found: object,
        advice: str = "",
        *,
        otherwise: Verdict = Verdict.FAILS,
    ) -> Row:
        """`holds`: None if it could not be seen. `otherwise`: what it is if it does not hold."""
        verdict = Verdict.UNDECIDED if holds is None else Verdict.HOLDS if holds else otherwise
        cited = clause_in_force(clause, self.profile)
        what_to_do = "" if verdict is Verdict.HOLDS else advice
        return Row(rule, self.about, verdict, cited, requirement, str(found), what_to_do)

    def failed(
        self, rule: str, error: FapiError, requirement: str, *, undecided: bool = False, advice: str = ""
    ) -> Row:
        """The row for an error of the library."""
        return self.row(
            rule,
            None if undecided else False,
            error.clause,
            requirement,
            f"{type(error).__name__}: {settings_in_words(error.message)}",
            advice or str(error.remedy),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All rows about one server and one profile."""

    issuer: str
    profile: str
    rows: tuple[Row, ...]

    def count(self, verdict: Verdict) -> int:
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        worst_first = (Verdict.FAILS, Verdict.UNDECIDED, Verdict.WARNS)
        return next((verdict for verdict in worst_first if self.count(verdict)), Verdict.HOLDS)

    @property
    def exit_status(self) -> ExitStatus:
        """Warnings do not count."""
        return ExitStatus.of_checks(
            failed=self.count(Verdict.FAILS) > 0, undecided=self.count(Verdict.UNDECIDED) > 0
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "profile": self.profile,
            "verdict": str(self.verdict),
            "counts": {str(verdict): self.count(verdict) for verdict in Verdict},
            "rows": [row.as_json() for row in self.rows],
        }
