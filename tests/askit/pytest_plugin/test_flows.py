"""The flows of tests: kept for those that fail, and shown while they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fapikit_viewer import Recording

_TESTS = """
import urllib.request

import httpx
import pytest
from askit.pytest_plugin import pytest_report_header
from fapikit import PrivateKeyJWT
from rpkit import Client


def a_client(askit):
    return Client.discover(
        askit.issuer,
        client_id=askit.client_id,
        auth=PrivateKeyJWT(askit.client_key),
        redirect_uri=askit.redirect_uri,
        http=askit.http(),
    )


def test_a_login(askit, signed_in):
    with a_client(askit) as client:
        signed_in(client, scope="openid accounts")


@pytest.mark.parametrize("fails", ["a/b", "c"])
def test_that_fails(askit, askit_recorder, signed_in, fails):
    def app(environ, start_response):
        start_response("204 No Content", [])
        return []

    transport = httpx.WSGITransport(askit_recorder("accounts", "rs", "https://api.example.test").wsgi(app))
    with httpx.Client(transport=transport) as api:
        api.get("https://api.example.test/accounts")
    with a_client(askit) as client:
        signed_in(client, scope="openid accounts")
    assert fails == "nothing"


def test_without_askit():
    assert False


def test_that_looks_at_the_page(request, askit):
    (told,) = pytest_report_header(request.config)
    with urllib.request.urlopen(told.removeprefix("watch the flows at "), timeout=5) as page:
        assert page.status == 200
"""


def run(folder: Path, *arguments: str) -> str:
    (folder / "test_them.py").write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments, "."]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    return ended.stdout + ended.stderr


def test_flows_are_served_while_tests_run_and_kept_of_each_failed_test(tmp_path: Path) -> None:
    told = run(tmp_path, "--flows=kept", "--watch-flows")
    assert "3 failed, 2 passed" in told
    assert told.count("watch the flows at http://127.0.0.1:") == 1
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["test_them.py-test_that_fails-a-b.html", "test_them.py-test_that_fails-c.html"]
    page = (tmp_path / "kept" / kept[0]).read_text()
    for shown in ('"POST /par"', '"POST /login"', '"GET /accounts"', '"POST /token"', '"code_challenge"'):
        assert shown in page
    assert "wonderland" not in page
    assert "the flows of failed tests are in kept" in told


def test_processes_of_xdist_write_to_one_recording(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    told = run(tmp_path, "-n", "2", f"--flows-recording={path}", "-k", "that_fails")
    assert "2 failed" in told
    events = Recording(path).read_all()
    origins = {event["origins"][0] for event in events if event["kind"] == "party" and event["role"] == "as"}
    assert len(origins) == 2
