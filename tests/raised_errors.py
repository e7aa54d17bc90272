"""`--every-error-raised` fails a run in which some error of the tree was never raised: what nothing exercises is not
known to work.

Every error made while tests run is noted, in all workers. The option means something for a run of all tests only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import pytest

from fapikit.errors import FapiError
from tools.citations import PACKAGES
from tools.errors_doc import import_everything, leaves

_raised: set[str] = set()


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


def pytest_configure() -> None:
    original = FapiError.__init__

    @functools.wraps(original)
    def noting(self: FapiError, *arguments: Any, **options: Any) -> None:
        _raised.add(_name(type(self)))
        original(self, *arguments, **options)

    FapiError.__init__ = noting  # type: ignore[method-assign]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended: what it noted counts here."""
    _raised.update(getattr(node, "workeroutput", {}).get("raised_errors", ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["raised_errors"] = sorted(_raised)
        return
    if exitstatus == 0 and session.config.getoption("--every-error-raised"):
        missing = unraised(_raised)
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        for name in missing:
            reporter.write_line(f"no test raises {name}", red=True)
        if missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
