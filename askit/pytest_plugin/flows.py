"""Options of pytest that show the flows of tests: `--flows=FOLDER` and `--watch-flows`.

Nothing is recorded without one of them. Modules outside the core are imported when a flow is recorded, not before.

Role: AS
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from askit.missing_extra import needs_extra

if TYPE_CHECKING:
    from fapikit_viewer import Recording, Viewer

_FAILED: Final[pytest.StashKey[bool]] = pytest.StashKey()
_VIEWER: Final[pytest.StashKey[Viewer]] = pytest.StashKey()
_FOLDER: Final[pytest.StashKey[tempfile.TemporaryDirectory[str]]] = pytest.StashKey()
_UNSAFE: Final = re.compile(r"[^\w.-]+")
_LONGEST_NAME: Final = 150


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fapikit")
    group.addoption(
        "--flows",
        metavar="FOLDER",
        help="keep the messages of each failed test that uses askit: one HTML file in this folder",
    )
    group.addoption(
        "--watch-flows",
        action="store_true",
        help="serve the flow viewer while the tests run, with the messages of each test that uses askit",
    )
    group.addoption(
        "--flows-recording",
        metavar="FILE",
        default="",
        help="write the messages to this recording too (pytest-xdist's processes get it from --watch-flows)",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("watch_flows") and not config.option.flows_recording:
        with needs_extra():
            from fapikit_viewer import serve

        folder = config.stash[_FOLDER] = tempfile.TemporaryDirectory(prefix="fapikit-flows-")
        config.option.flows_recording = str(Path(folder.name) / "flows.jsonl")
        config.stash[_VIEWER] = serve(config.option.flows_recording)


def pytest_report_header(config: pytest.Config) -> list[str]:
    viewer = config.stash.get(_VIEWER, None)
    return [] if viewer is None else [f"watch the flows at {viewer.url}"]


@pytest.hookimpl(trylast=True)  # after the terminal reporter, which with -q writes no header
def pytest_sessionstart(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and session.config.get_verbosity() < 0:
        for line in pytest_report_header(session.config):
            terminal.write_line(line)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    kept = config.getoption("flows")
    if kept and Path(kept).is_dir() and terminalreporter.stats.get("failed"):
        terminalreporter.write_line(f"the flows of failed tests are in {kept}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _VIEWER in config.stash:
        config.stash[_VIEWER].close()
        config.stash[_FOLDER].cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


def recording_of_test(request: pytest.FixtureRequest, folder: Path) -> Iterator[Recording | None]:
    """The recording of one test during its run, or None if nobody wants to see it. `folder`: for files of this test."""
    kept, watched = request.config.getoption("flows"), request.config.option.flows_recording
    if not kept and not watched:
        yield None
        return
    with needs_extra():
        from fapikit_viewer import Recording, save

    recording = Recording(folder / "flow.jsonl")
    if watched:
        recording = copied(recording, Recording(watched))
    yield recording
    if kept and request.node.stash.get(_FAILED, False):
        name = _UNSAFE.sub("-", request.node.nodeid)[-_LONGEST_NAME:].strip("-.")
        save(recording, Path(kept) / f"{name}.html")


def copied(recording: Recording, to: Recording) -> Recording:
    """The recording of one test, all of whose events are written to that of the session too."""

    def append(event: Mapping[str, Any]) -> None:
        type(recording).append(recording, event)
        to.append(event)

    recording.append = append  # type: ignore[method-assign]
    return recording
