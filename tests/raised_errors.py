"""`--every-error-raised` fails a run in which some error of the tree was never raised: what nothing exercises is not
known to work.

Every error made while tests run is noted, in all workers. The option means something for a run of all tests only. It
also fails if a page of docs/errors shows a message that no error says any more (`tests/error_samples.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import pytest

from fapikit.errors import FapiError
from tests import error_samples
from tools.citations import PACKAGES
from tools.errors_doc import import_everything, leaves

_raised: set[str] = set()
_said: set[tuple[str, str]] = set()


def _name(kind: type[FapiError]) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def unraised(raised: Iterable[str]) -> list[str]:
    """The leaves of the tree that are not among `raised`."""
    import_everything()
    known = {_name(kind) for kind in leaves() if not kind.__subclasses__()}
    ours = {name for name in known if name.split(".")[0] in PACKAGES}
    return sorted(ours - set(raised))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-error-raised", action="store_true", help="fail if some error class is never raised"
    )
    parser.addoption(
        "--keep-error-samples", action="store_true", help="keep what each error says, for docs/errors"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--keep-error-samples"):
        error_samples.noting_raised()
        error_samples.noting_answers()
    original = FapiError.__init__

    @functools.wraps(original)
    def noting(self: FapiError, *arguments: Any, **options: Any) -> None:
        _raised.add(_name(type(self)))
        original(self, *arguments, **options)
        _said.add((_name(type(self)), self.message))

    FapiError.__init__ = noting  # type: ignore[method-assign]


def pytest_runtest_logstart(nodeid: str) -> None:
    error_samples.started(nodeid)


def pytest_runtest_logfinish() -> None:
    error_samples.ended()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended: what it noted counts here."""
    told = getattr(node, "workeroutput", {})
    _raised.update(told.get("raised_errors", ()))
    _said.update((name, message) for name, message in told.get("said_by_errors", ()))
    error_samples.add(told.get("error_samples", {}))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["raised_errors"] = sorted(_raised)
        if session.config.getoption("--every-error-raised"):
            output["said_by_errors"] = sorted(_said)
        output["error_samples"] = error_samples.samples
        return
    if session.config.getoption("--keep-error-samples"):
        all_tests = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
        error_samples.write(whole=all_tests)
    if exitstatus == 0 and session.config.getoption("--every-error-raised"):
        missing = unraised(_raised)
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        for name in missing:
            reporter.write_line(f"no test raises {name}", red=True)
        stale = error_samples.no_longer_said(_said)
        for name in stale:
            reporter.write_line(f"no test hears what docs/errors shows of {name}: run make samples", red=True)
        if missing or stale:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
