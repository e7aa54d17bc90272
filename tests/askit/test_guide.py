"""The guide's bank.toml, clients.json and tests, as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from askit import AuthorizationServer, Config
from askit.__main__ import uvicorn_config
from fapikit import PrivateKey
from tests.pages.blocks import read_page

GUIDE = read_page("docs/askit.md")


def test_the_first_bank_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bank.toml").write_text("\n".join(GUIDE.in_language("toml")))
    Path("clients.json").write_text(*GUIDE.in_language("json"))
    Path("harbour.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    keys, *_ = GUIDE.in_language("python")
    exec(keys, {})
    config = Config.load("bank.toml")
    assert uvicorn_config(AuthorizationServer(config)).loaded
    assert PrivateKey.from_pem(Path("fintech.pem").read_text()).alg == "ES256"
    assert [client.client_id for client in config.clients] == ["fintech", "payments-api"]
    assert config.look.accent == "#124a8c"
    assert config.resources[0].introspection_clients == ("payments-api",)


def test_its_tests_pass(tmp_path: Path) -> None:
    _, of_an_api, mutual_tls, decisions, of_a_client, of_a_server = GUIDE.in_language("python")
    (tmp_path / "test_api.py").write_text(of_an_api + of_a_client)
    (tmp_path / "test_mutual_tls.py").write_text(mutual_tls)
    (tmp_path / "test_decisions.py").write_text(decisions)
    (tmp_path / "test_holes.py").write_text(of_a_server)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "10 passed" in run.stdout
