"""The result of a scan of an API, a client or an authorization server: what it found, and what it could not test.

Spec: FAPI2-SP 5.3.2, 5.3.3, 5.3.4
Role: C AS RS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Finding(NamedTuple):
    """One attack that was not refused. `came`: the status, or what was wrong with the answer.

    In a scan of a client the attack is a lie of the bank, or an honest answer that the client did not take. `came`
    says what the client did.
    """

    attack: str
    sends: str
    came: str
    means: str
    clause: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.attack}: {self.came}\n"
            f"    sent:   {self.sends}\n"
            f"    came:   {self.came}\n"
            f"    means:  {self.means}\n"
            f"    clause: {self.clause}\n"
            f"    do:     {self.remedy}"
        )


class NotLookedAt(NamedTuple):
    """Something that this scan cannot test. `enable`: what would make it possible."""

    what: str
    why: str
    enable: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}. To look: {self.enable}"


class Outcome(NamedTuple):
    """One attack, and how it ended. `expected`: "refused" or "accepted". `came`: what happened."""

    attack: str
    expected: str
    came: str
    clause: str


class ScanReport(list[str]):
    """The names of the holes, each with what came back: an empty list is what you want.

    It is a list, so `find_holes(...) == []` is a test. `findings` describes each hole in full. `not_looked_at` lists
    what the scan could not test: about those things an empty list says nothing. `outcomes` has each attack of a scan of
    a client or a server. `str()` gives findings and gaps as text.
    """

    def __init__(
        self,
        findings: Iterable[Finding] = (),
        not_looked_at: Iterable[NotLookedAt] = (),
        *,
        target: str = "",
        attacks: int = 0,
        requests: int = 0,
        seconds: float = 0.0,
        outcomes: Iterable[Outcome] = (),
        units: tuple[str, str] = ("attacks", "requests"),
    ) -> None:
        self.findings = tuple(findings)
        self.not_looked_at = tuple(not_looked_at)
        self.target, self.attacks, self.requests, self.seconds = target, attacks, requests, seconds
        self.outcomes = tuple(outcomes)
        self._units = units
        super().__init__(f"{finding.attack}: {finding.came}" for finding in self.findings)

    def require_none(self, *, unseen: Collection[str] = ()) -> None:
        """Raise AssertionError with the report for a hole, and for anything not tested that is not in `unseen`.

        `unseen`: the `what` of the things that this test accepts as not tested.
        """
        silent = [item for item in self.not_looked_at if item.what not in unseen]
        if self.findings or silent:
            raise AssertionError(self._text(silent))

    def text(self) -> str:
        """The whole report, for people."""
        return self._text(self.not_looked_at)

    def _text(self, not_looked_at: Collection[NotLookedAt]) -> str:
        many = "no hole" if not self else "1 hole" if len(self) == 1 else f"{len(self)} holes"
        attacks, requests = self._units
        sent = f"{self.attacks} {attacks}, {self.requests} {requests}, {self.seconds:.1f} s"
        lines = [f"{many} in {self.target} ({sent})"]
        lines += [f"{number}. {finding}" for number, finding in enumerate(self.findings, 1)]
        if not_looked_at:
            lines += ["not looked at:", *(f"  - {item}" for item in not_looked_at)]
        return "\n".join(lines)

    __str__ = text
