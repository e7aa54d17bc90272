"""The guide's bank.toml, clients.json and tests, as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from askit import Config

GUIDE = (Path(__file__).parents[2] / "docs" / "askit.md").read_text()


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_first_bank_loads(tmp_path: Path) -> None:
    (tmp_path / "bank.toml").write_text(block("toml"))
    (tmp_path / "clients.json").write_text(block("json").replace('"keys": []', f'"keys": [{_KEY}]'))
    config = Config.load(tmp_path / "bank.toml")
    assert [client.client_id for client in config.clients] == ["fintech", "accounts-api"]
    assert config.resources[0].introspection_clients == ("accounts-api",)


def test_its_tests_pass(tmp_path: Path) -> None:
    (tmp_path / "test_api.py").write_text(block("python"))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_api.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout


_KEY = (
    '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
    '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'
)
