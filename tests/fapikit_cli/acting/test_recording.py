"""`--record` of the commands that act, and `fapikit watch`."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from fapikit import client_context
from fapikit_viewer import Recording, view_of
from fapikit_viewer.shapes import is_something_else
from tests.fapikit_cli.acting.desk import ROOT, Desk, running_bank
from tests.fapikit_cli.acting.workshop import Workshop
from tests.fapikit_cli.running import COMMAND, environment, run


def test_bank_and_client_record_one_flow_and_a_bank_that_is_not_kept_leaves_nothing(
    workshop: Workshop, tmp_path: Path
) -> None:
    flow, desk_folder = tmp_path / "flow.jsonl", tmp_path / "desk"
    desk_folder.mkdir()
    with running_bank(None, workshop, "--record", str(flow)) as bank:
        folder = bank.folder
        desk = Desk(bank, desk_folder)
        desk.sign_in("--record", flow)
        assert desk.run("call", "/accounts", "--record", flow).returncode == 0
        assert desk.run("watch", flow, "--save", "flow.html").returncode == 0
        bank.process.send_signal(signal.SIGHUP)  # somebody closes the terminal
        bank.process.wait(20)
    assert not folder.exists()
    view = view_of(Recording(flow).read_all())
    assert {party["name"] for party in view["parties"]} == {"browser", "client", "bank", "api"}
    seen = [
        (entry["from"], entry["to"], entry["title"])
        for entry in view["entries"]
        if entry["kind"] == "message"
    ]
    for message in (
        ("client", "bank", "POST /par"),
        ("browser", "bank", "GET /authorize"),
        ("client", "bank", "POST /token"),
        ("client", "api", "GET /accounts"),
    ):
        assert message in seen
    assert "GET /accounts" in (desk_folder / "flow.html").read_text()


def test_under_nohup_a_bank_goes_on_when_the_terminal_is_closed(tmp_path: Path) -> None:
    command = [*COMMAND, "askit", "--port", "0", "--api-port", "0", "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(TMPDIR=str(tmp_path)),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    ) as bank:
        assert bank.stdout is not None
        facts = json.loads(bank.stdout.readline())
        bank.send_signal(signal.SIGHUP)
        url = f"{facts['issuer']}/jwks"
        assert httpx.get(url, verify=client_context(ca=facts["ca_file"]), trust_env=False).status_code == 200
        assert bank.poll() is None
        bank.terminate()
        assert bank.wait(20) == 0


def test_what_a_client_records_has_no_secret(desk: Desk) -> None:
    for words in (["login"], ["call", "/accounts"], ["token", "refresh"], ["introspect"]):
        assert desk.run(*words, "--record", "flow.jsonl").returncode == 0
    recorded = (desk.folder / "flow.jsonl").read_text()
    desk.require_no_secret(recorded)
    assert (desk.folder / "flow.jsonl").stat().st_mode & 0o777 == 0o600
    titles = [
        entry["title"] for entry in view_of(Recording(desk.folder / "flow.jsonl").read_all())["entries"]
    ]
    for title in ("POST /par", "POST /token", "GET /accounts", "POST /introspect"):
        assert title in titles


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN], ids=["in front", "in the background"])
def test_a_recording_is_shown_on_this_machine_until_somebody_ends_it(
    tmp_path: Path, before: signal.Handlers
) -> None:
    """A shell starts a program in the background with Ctrl-C ignored."""
    arguments = [*COMMAND, "watch", "not-yet.jsonl", "--no-browser"]
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, before),
    ) as watching:
        try:
            assert watching.stdout is not None
            url = watching.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert watching.stderr is not None
            assert "not-yet.jsonl is not there yet" in watching.stderr.readline()
            assert "<html" in httpx.get(url, trust_env=False).text
            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 0
        finally:
            watching.kill()


OTHERS = {
    "prose": b"# Notes\n\nsee flow.jsonl\n",
    "a line without an end": b"notes",
    "JSON": b'{"kind": 1}\n[]\n',
    "JSON lines of another program": b'{"kind": "request", "url": "https://a.example"}\n' * 3,
    "a page": b"<!doctype html>\n<title>flow</title>\n",
    "octets": bytes(range(256)) * 64,
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize(
    "words",
    [["watch", "--no-browser"], ["watch", "--save", "flow.html"], ["login", "--record"]],
    ids=" ".join,
)
def test_a_file_that_is_no_recording_is_not_shown_and_not_written_to(
    what: str, words: list[str], desk: Desk
) -> None:
    other = desk.folder / "other"
    other.write_bytes(OTHERS[what])
    other.chmod(0o644)
    told = desk.run(*words, "other")
    assert told.returncode == 2
    assert "other is no recording" in told.stderr
    assert other.read_bytes() == OTHERS[what]
    assert other.stat().st_mode & 0o777 == 0o644
    assert not (desk.folder / "flow.html").exists()


def test_a_folder_is_no_recording_and_an_empty_file_becomes_one(desk: Desk) -> None:
    assert "is no recording" in desk.run("watch", ".").stderr
    (desk.folder / "flow.jsonl").touch()
    assert desk.run("watch", "flow.jsonl", "--save", "flow.html").returncode == 0
    assert desk.run("token", "client-credentials", "--record", "flow.jsonl").returncode == 0
    assert desk.run("watch", "flow.jsonl", "--save", "flow.html").returncode == 0
    assert "POST /token" in (desk.folder / "flow.html").read_text()


def test_a_recording_is_one_in_which_something_else_was_written_first(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    path.write_bytes(b"x" * 5_000_000 + b"\n")
    assert is_something_else(Recording(path))
    path.write_bytes(b"not a line of it\n" * 300_000)
    recording = Recording(path)
    assert is_something_else(recording)
    recording.append({"kind": "keys", "throwaway": True})
    assert not is_something_else(recording)


def test_a_bank_does_not_write_to_such_a_file_either(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n")
    told = run("askit", "--port", "0", "--api-port", "0", "--record", tmp_path / "notes.txt")
    assert (told.returncode, told.stdout) == (2, "")
    assert "is no recording" in told.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine\n"


def test_without_a_recording_nothing_is_saved(desk: Desk) -> None:
    told = desk.run("watch", "flow.jsonl", "--save", "flow.html")
    assert told.returncode == 2
    assert "there is no recording flow.jsonl" in told.stderr
