"""The scan of a client: a login for each lie, and what the client did when it was told.

An honest login comes first and last, because a client that never signs in believes no lie either. A lie that was not
told shows nothing, and the report says so.

Spec: FAPI2-SP 5.3.3
Role: C
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from fapikit.scan_report import Finding, NotLookedAt, Outcome, ScanReport
from rpkit.testing.lie import Honest, Lie, LyingBank
from rpkit.testing.lies import LIES

B = TypeVar("B", bound=LyingBank)
LOGGER: Final = logging.getLogger("rpkit.testing")
_NEEDED: Final = {
    "authorization_response": 'plain authorization responses (a bank and a client of profile="fapi2-security")',
    "token_response": "a token response",
    "id_token": "an ID token (scope openid)",
    "id_token.jwt": "an ID token (scope openid)",
    "userinfo": "UserInfo (a log_in that asks for it)",
    "metadata": "the metadata (a log_in that makes a new client each time)",
    "jwks": "the key set (a log_in that makes a new client each time)",
}


class Attempt(NamedTuple):
    """One login. `error`: what ended it; None if it went through. `refused`: without an error, by returning False."""

    error: Exception | None
    refused: bool = False

    @property
    def came(self) -> str:
        if self.error is not None:
            return f"refused by {type(self.error).__name__}"
        return "refused" if self.refused else "accepted"


Trying: TypeAlias = Generator[None, Attempt, ScanReport]
"""Yields when the client must log in. Receives how that went."""


def all_lies() -> tuple[Lie, ...]:
    """The lies, and the unusual truths (`must_take`), in the order in which they are told."""
    return LIES


def find_holes(log_in: Callable[[B], object], bank: B, *, lies: Iterable[Lie] | None = None) -> ScanReport:
    """The lies that this client believes, and the unusual truths that it refuses: an empty list is what you want.

    `log_in`: makes a new client for `bank` and signs a user in, with UserInfo if the client uses it. It raises, or
    returns False, if the client refuses. `bank`: such as the fixture `faulty_askit`; `bank.issuer` is the base URL, and
    `bank.browse(url)` is the user. All its faults are cleared. `lies`: some of `all_lies()`, or your own.
    `report.outcomes` has each lie and what the client did.

    Raises AssertionError if the client cannot log in at the honest bank before and after: then nothing is shown.
    """
    trying = _scan(bank, LIES if lies is None else tuple(lies))
    attempt: Any = None
    while True:
        try:
            trying.send(attempt)
        except StopIteration as end:
            return _logged(end.value)
        try:
            attempt = Attempt(None, log_in(bank) is False)
        except Exception as error:  # noqa: BLE001 - whatever a client raises, it has refused
            attempt = Attempt(error)


async def afind_holes(
    log_in: Callable[[B], Awaitable[object]], bank: B, *, lies: Iterable[Lie] | None = None
) -> ScanReport:
    """The same for a `log_in` that is awaited."""
    trying = _scan(bank, LIES if lies is None else tuple(lies))
    attempt: Any = None
    while True:
        try:
            trying.send(attempt)
        except StopIteration as end:
            return _logged(end.value)
        try:
            attempt = Attempt(None, await log_in(bank) is False)
        except Exception as error:  # noqa: BLE001 - whatever a client raises, it has refused
            attempt = Attempt(error)


def _scan(bank: LyingBank, lies: tuple[Lie, ...]) -> Trying:
    began = time.monotonic()
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    untold: dict[str, list[str]] = {}
    heard = yield from _honest(bank, lies)
    honest = Honest(bank.issuer, heard)
    try:
        for lie in lies:
            told = _tell(bank, lie, honest)
            attempt = yield
            if told.error is not None:
                raise told.error
            if told.at is None:
                untold.setdefault(lie.needs or _NEEDED.get(lie.place, lie.place), []).append(lie.name)
                continue
            came = attempt.came
            if came != "accepted":
                came += _called_after(bank, lie, told.at)
            right = (attempt.came == "accepted") == lie.must_take and came == attempt.came
            outcomes.append(Outcome(lie.name, "accepted" if lie.must_take else "refused", came, lie.clause))
            if not right:
                findings.append(Finding(lie.name, lie.says, came, lie.means, lie.clause, lie.remedy))
        yield from _honest(bank, lies)
    finally:
        bank.app.faults.clear()
    return ScanReport(
        findings,
        [_not_told(what, names) for what, names in untold.items()],
        target=f"the client of {bank.issuer}",
        attacks=len(outcomes),
        requests=len(lies) + 2,
        seconds=time.monotonic() - began,
        outcomes=outcomes,
        units=("lies", "logins"),
    )


def _honest(bank: LyingBank, lies: tuple[Lie, ...]) -> Generator[None, Attempt, dict[str, Any]]:
    """A login without a lie. Returns the messages of the bank by place. Raises AssertionError."""
    faults, heard = bank.app.faults, dict[str, Any]()
    faults.clear()

    def listen(place: str) -> Callable[[Any], Any]:
        return lambda message: heard.setdefault(place, message)

    for place in {lie.place for lie in lies} | {"jwks"}:
        faults[place] = listen(place)
    attempt = yield
    if attempt.came != "accepted":
        raise AssertionError(
            f"the client does not log in at the honest bank ({attempt.came}), so lies show nothing: make it pass first"
        ) from attempt.error
    return heard


class _Told:
    """`at`: how many calls the bank had received when the lie was told first; None if it was not told.

    `error`: what went wrong in the bank when it made up the lie.
    """

    def __init__(self) -> None:
        self.at: int | None = None
        self.error: Exception | None = None


def _tell(bank: LyingBank, lie: Lie, honest: Honest) -> _Told:
    faults, told = bank.app.faults, _Told()

    def change(message: Any) -> Any:
        try:
            changed = lie.change(message, honest)
        except Exception as error:
            told.error = error
            raise
        if told.at is None and (changed != message or lie.nonces != "normal"):
            told.at = len(faults.calls)
        return changed

    faults.clear()
    faults[lie.place] = change
    faults.nonces = lie.nonces
    return told


def _called_after(bank: LyingBank, lie: Lie, at: int) -> str:
    called = [path.rsplit("/", 1)[-1] for _, path in bank.app.faults.calls[at:]]
    late = dict.fromkeys(name for name in called if name in lie.before)
    return f", after it had called {' and '.join(late)}" if late else ""


def _not_told(what: str, names: list[str]) -> NotLookedAt:
    return NotLookedAt(
        f"lies about {what.partition(' (')[0]}",
        f"the bank had no occasion to tell {len(names)} of them: {', '.join(names)}",
        f"a login with {what}",
    )


def _logged(report: ScanReport) -> ScanReport:
    """Log the report: a test that fails on `== []` shows only names, and pytest prints the log next to it."""
    LOGGER.log(logging.WARNING if report else logging.INFO, "%s", report.text())
    return report
