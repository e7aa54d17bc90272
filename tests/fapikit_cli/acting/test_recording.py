"""`--record` of the commands that act, and `fapikit watch`."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from fapikit_viewer import Recording, view_of
from tests.fapikit_cli.acting.desk import Desk, running_bank
from tests.fapikit_cli.acting.workshop import Workshop
from tests.fapikit_cli.running import COMMAND, environment


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
        text=True,
        cwd=tmp_path,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, before),
    ) as watching:
        try:
            assert watching.stdout is not None
            url = watching.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert "<html" in httpx.get(url, trust_env=False).text
            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 0
        finally:
            watching.kill()


def test_without_a_recording_nothing_is_saved(desk: Desk) -> None:
    told = desk.run("watch", "flow.jsonl", "--save", "flow.html")
    assert told.returncode == 2
    assert "there is no recording flow.jsonl" in told.stderr
