"""The checks of a login, each with its clause, and the signed artefacts exactly as they came.

A report lists the checks that passed, and those that were skipped and why. It also lists where the server granted less
or other than was requested, and where its response deviates from the specification and was accepted nevertheless.

Spec: FAPI2-MS 7
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fapikit import strict_json
from fapikit.errors import SealBroken
from fapikit.errors.base import on_one_line
from fapikit.secrets import Secret, revealed
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals

_SEAL_CONTEXT: Final = "rpkit.evidence"

Outcome: TypeAlias = Literal["passed", "skipped", "noticed", "borne"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report.

    `outcome` is `passed`; `skipped`; `noticed`: the server granted less or other than was requested, which is not an
    error; or `borne`: a deviation from the specification that was tolerated.
    """

    name: str
    clause: str
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        detail = f": {on_one_line(self.detail)}" if self.detail else ""
        return f"{self.outcome} {self.name} [{self.clause}]{detail}"


class LoginReport:
    """The checks of a login, in their order. Iterate over it, or print it."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def passed(self, name: str, clause: str, detail: str = "") -> None:
        self._checks.append(Check(name, clause, "passed", detail))

    def skipped(self, name: str, clause: str, why: str) -> None:
        self._checks.append(Check(name, clause, "skipped", why))

    def noticed(self, name: str, clause: str, detail: str) -> None:
        self._checks.append(Check(name, clause, "noticed", detail))

    def borne(self, name: str, clause: str, detail: str) -> None:
        self._checks.append(Check(name, clause, "borne", detail))

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks)

    @property
    def downgrades(self) -> tuple[Check, ...]:
        """The checks that found that the server granted less or other than was requested."""
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
    """The signed artefacts of a login, exactly as they came. They have personal data: protect them (FAPI2-MS 7).

    They cannot be pickled, because that would write them in clear. Use `seal` to keep them.
    """

    _signed: Mapping[str, Secret]

    def __init__(
        self,
        request_object: Secret | str | None = None,
        authorization_response: Secret | str | None = None,
        id_token: Secret | str | None = None,
    ) -> None:
        artefacts = {
            "request_object": request_object,
            "authorization_response": authorization_response,
            "id_token": id_token,
        }
        signed = {name: Secret(revealed(jwt)) for name, jwt in artefacts.items() if jwt is not None}
        object.__setattr__(self, "_signed", signed)

    @property
    def request_object(self) -> str | None:
        return self.export().get("request_object")

    @property
    def authorization_response(self) -> str | None:
        return self.export().get("authorization_response")

    @property
    def id_token(self) -> str | None:
        return self.export().get("id_token")

    def export(self) -> dict[str, str]:
        """The artefacts that exist, by name. Each is a compact JWT."""
        return {name: jwt.reveal() for name, jwt in self._signed.items()}

    def seal(self, seal: Seal) -> str:
        """The evidence as encrypted and authenticated text, for a file or a database."""
        return seal.seal_text(strict_json.dump(self.export()), _SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> Evidence:
        """Raises SealBroken."""
        artefacts = strict_json.parse_object(seal.open_text(sealed, _SEAL_CONTEXT))
        try:
            return cls(**artefacts)
        except TypeError as error:
            raise SealBroken(
                "another version of rpkit sealed this evidence: open it with that version"
            ) from error
