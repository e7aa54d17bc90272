"""A recording: many writers at once, a reader while it grows, and its limits."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fapikit.errors import ConfigurationError
from fapikit_viewer import Party, Recording
from fapikit_viewer.recording import MAX_LINE

_WRITER = """
import sys
from fapikit_viewer import Recording

recording = Recording(sys.argv[1])
for number in range(200):
    recording.append({"kind": "message", "by": sys.argv[2], "number": number, "filler": "x" * 5000})
"""


def test_lines_of_several_processes_and_threads_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, path, name]) for name in ("a", "b")]
    recording = Recording(path)

    def write(name: str) -> None:
        for number in range(200):
            recording.append({"kind": "message", "by": name, "number": number, "filler": "y" * 5000})

    threads = [threading.Thread(target=write, args=(name,)) for name in ("c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(path.read_bytes().splitlines()) == 800
    events = recording.read_all()
    for name in "abcd":
        assert [event["number"] for event in events if event["by"] == name] == list(range(200))


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    recording = Recording(path)
    assert recording.read() == ([], 0)
    recording.append({"kind": "keys", "throwaway": False})
    with path.open("ab") as file:
        file.write(b'{"kind": "mess')
    events, position = recording.read()
    assert [event["kind"] for event in events] == ["keys"]
    assert recording.read(position) == ([], position)
    with path.open("ab") as file:
        file.write(b'age", "id": "1"}\n')
    assert recording.read(position).events == [{"kind": "message", "id": "1"}]


def test_a_line_that_is_no_event_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    path.write_bytes(
        b'\xff\xfe\n{"kind": 1}\n[]\n{"kind": "full", "at": 1, "limit": 2}\n' + b"[" * 9000 + b"\n"
    )
    assert [event["kind"] for event in Recording(path).read_all()] == ["full"]


def test_a_full_recording_says_so_and_gets_no_longer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = Recording(tmp_path / "flow.jsonl", max_octets=2000)
    for number in range(100):
        recording.append({"kind": "message", "number": number, "filler": "x" * 100})
    events = recording.read_all()
    assert events[-1]["kind"] == "full"
    assert events[-1]["limit"] == 2000
    assert len(events) < 20
    assert recording.path.stat().st_size < 2100
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_an_event_that_is_too_long_is_told_and_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = Recording(tmp_path / "flow.jsonl")
    recording.append({"kind": "message", "filler": "x" * MAX_LINE})
    assert recording.read_all() == []
    assert "is not recorded" in caplog.text


def test_what_cannot_be_written_fails_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    Recording(tmp_path / "file" / "flow.jsonl").append({"kind": "keys", "throwaway": True})
    Recording(tmp_path / "flow.jsonl").append({"kind": object()})
    assert caplog.text.count("cannot record") == 2


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "new" / "flow.jsonl", throwaway_keys=True)
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600
    assert json.loads(recording.path.read_text()) == {"kind": "keys", "throwaway": True}


def test_a_role_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="browser, client, as, rs, device, attacker"):
        Party("bank", "bank")  # type: ignore[arg-type]


@pytest.mark.skipif(os.name != "posix", reason="modes and named pipes are those of POSIX")
def test_a_file_that_was_there_already_gets_the_mode_of_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    path.touch(0o644)
    path.chmod(0o644)
    Recording(path, throwaway_keys=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes and named pipes are those of POSIX")
def test_nothing_is_written_to_a_file_that_somebody_else_has_put_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "flow.jsonl"
    path.touch(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    Recording(path, throwaway_keys=True)
    assert path.read_bytes() == b""
    assert "somebody else" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="modes and named pipes are those of POSIX")
def test_a_named_pipe_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "flow.jsonl")
    Recording(tmp_path / "flow.jsonl", throwaway_keys=True)
    assert "cannot record" in caplog.text
