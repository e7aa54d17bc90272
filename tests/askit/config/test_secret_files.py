"""`python -m askit` warns of each file with a secret that every user of the machine may read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from askit.__main__ import main
from askit.config.secret_files import readable_by_everybody

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
SECRETS = {
    "the configuration": 'initial_access_token = "let-me-in"',
    "clients_file": 'clients_file = "secret"',
    "store_seal_file": 'store_seal_file = "secret"',
    "pairwise_salt_file": 'pairwise_salt_file = "secret"',
    "signing.jwks_file": '[signing]\njwks_file = "secret"',
    "tls.key": '[tls]\nkey = "secret"\ncertificate = "public.pem"',
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter. Those of pytest are for one user."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def written(folder: Path, lines: str) -> Path:
    (folder / "secret").write_text(json.dumps([{"client_id": "fintech", "client_secret": "s"}]))
    (folder / "public.pem").write_text("")
    (folder / "bank.toml").write_text(f'issuer = "https://localhost:9443"\n{lines}\n')
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder / "bank.toml"


@pytest.mark.parametrize("setting", SECRETS)
def test_each_file_with_a_secret_is_named_with_what_to_do(setting: str, folder: Path) -> None:
    path = written(folder, SECRETS[setting])
    file = path if setting == "the configuration" else folder / "secret"
    (told,) = readable_by_everybody(path)
    assert told.startswith(f"{setting}: {file} holds a secret and has the mode 0644")
    assert told.endswith(f"chmod 600 {file}")
    file.chmod(0o640)
    assert readable_by_everybody(path) == [], "a group may read it"
    file.chmod(0o644)
    folder.chmod(0o750)
    assert readable_by_everybody(path) == [], "nobody else gets at it"


@pytest.mark.parametrize(
    "lines",
    [
        '[[users]]\nusername = "alice"\npassword = "wonderland"',
        '[[clients]]\nclient_id = "a"\nclient_secret = "s"',
    ],
)
def test_a_secret_deep_in_the_configuration_is_one_too(lines: str, folder: Path) -> None:
    assert len(readable_by_everybody(written(folder, lines))) == 1


def test_a_configuration_without_a_secret_may_be_read_by_all(folder: Path) -> None:
    path = written(folder, 'clients_file = "public.json"\n[http]\nca = "ca.pem"')
    (folder / "public.json").write_text(
        json.dumps([{"client_id": "fintech", "jwks_uri": "https://a.example"}])
    )
    assert readable_by_everybody(path) == []


def test_a_file_that_is_missing_is_somebody_elses_error(folder: Path) -> None:
    path = written(folder, '[tls]\nkey = "missing.key"\ncertificate = "public.pem"')
    assert readable_by_everybody(path) == []


def test_the_command_warns(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(folder, 'initial_access_token = "let-me-in"')
    assert main(["--config", str(path)]) == 2, "there is no [tls]"
    assert f"chmod 600 {path}" in caplog.text
    assert "let-me-in" not in caplog.text
