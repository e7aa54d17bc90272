"""The one way to fail: what was wrong, the rule, its clause, what to do, and an exit status by kind.

Role: RP, RS, AS
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.printing import tell
from fapikit_cli.settings_in_words import settings_in_words

if TYPE_CHECKING:
    from fapikit.errors import FapiError


class WrongUsage(Exception):
    """What was typed cannot be done. `advice` says what to type instead."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


def status_of(error: FapiError) -> ExitStatus:
    """The exit status for an error of the library."""
    from fapikit.errors import Fault, StoreError, TransportError

    if error.fault is Fault.CONFIGURATION:
        return ExitStatus.USAGE
    if isinstance(error, TransportError | StoreError):
        return ExitStatus.UNDECIDED
    return ExitStatus.REFUSED


def error_as_json(error: FapiError) -> dict[str, Any]:
    """The error for a machine, without secrets."""
    return {
        "rule": type(error).__name__,
        "said": settings_in_words(error.message),
        "clause": error.clause or None,
        "code": error.code,
        "remedy": str(error.remedy),
        "facts": {name: _in_words(value) for name, value in error.facts.items()},
    }


def tell_error(error: FapiError) -> None:
    """Tell a person on stderr what went wrong, by which rule, and what to do."""
    tell(f"{type(error).__name__}: {settings_in_words(error.message)}", style="bad")
    if error.clause:
        tell(f"  rule: {error.clause}")
    for name, value in error.facts.items():
        if str(value) not in error.message:
            tell(f"  {name}: {_in_words(value)}")
    tell(f"  what to do: {error.remedy}")


def _in_words(fact: Any) -> Any:
    return settings_in_words(fact) if isinstance(fact, str) else fact


@contextmanager
def telling_failures() -> Iterator[None]:
    """Around the whole command. What fails is told on stderr, and the process ends with its exit status."""
    try:
        yield
    except WrongUsage as error:
        tell(str(error), style="bad")
        if error.advice:
            tell(f"  what to do: {error.advice}")
        sys.exit(ExitStatus.USAGE)
    except OSError as error:
        if error.filename is None:
            _tell_defect()
        tell(f"{error.filename}: {error.strerror}", style="bad")
        tell("  what to do: check the path and its permissions")
        sys.exit(ExitStatus.USAGE)
    except Exception as error:  # noqa: BLE001 - the edge of the process
        from fapikit.errors import FapiError

        if not isinstance(error, FapiError):
            _tell_defect()
        else:
            tell_error(error)
            sys.exit(status_of(error))


def _tell_defect() -> None:
    """Tell of an error that nobody foresaw. It is no refusal, so its status is that of a question left open."""
    tell(traceback.format_exc())  # a server may have chosen a part of its text
    tell("This is a defect of fapikit: please report the lines above.", style="bad")
    sys.exit(ExitStatus.UNDECIDED)
