"""The guide's bank.toml, clients.json and tests, as they stand."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer, Config
from askit.__main__ import uvicorn_config
from fapikit import PrivateKey
from fapikit.urns import JWT_BEARER, TOKEN_EXCHANGE
from tests.keys import a_key
from tests.pages.blocks import read_page

GUIDE = read_page("docs/askit.md")


def test_the_first_bank_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bank.toml").write_text(GUIDE.in_language("toml")[0])
    Path("clients.json").write_text(GUIDE.in_language("json")[0])
    keys, *_ = GUIDE.in_language("python")
    exec(keys, {})
    config = Config.load("bank.toml")
    assert uvicorn_config(AuthorizationServer(config)).loaded
    assert PrivateKey.from_pem(Path("fintech.pem").read_text()).alg == "ES256"
    assert [client.client_id for client in config.clients] == ["fintech", "payments-api"]
    assert config.resources[0].introspection_clients == ("payments-api",)


AROUND: dict[str, Any] = {
    "issuer": "https://localhost:9443",
    "scopes": {"accounts": "see your accounts", "notes": "see your notes"},
    "users": [{"username": "alice", "password": "wonderland"}],
    "resources": [
        {"uri": uri, "scopes": [scope]}
        for uri, scope in (
            ("https://api.example.test/accounts", "accounts"),
            ("https://api.example.test/payments", "payments"),
            ("https://api.example/accounts", "accounts"),
            ("https://ledger.example/", "notes"),
        )
    ],
    "authorization_details_types": [
        {"type": "payment_initiation", "resource": "https://api.example.test/payments"}
    ],
    "clients": [
        {
            "client_id": name,
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [a_key().public_jwk]},
        }
        | {"grant_types": [TOKEN_EXCHANGE, JWT_BEARER], "response_types": [], "redirect_uris": []}
        for name in ("fintech", "accounts-api", "partner")
    ],
}
"""What the excerpts of the guide and of the page of quirks take for granted."""
EXCERPTS = [
    pytest.param(block.code, id=block.place)
    for page in (GUIDE, read_page("docs/quirks.md"))
    for block in page.blocks
    if block.language == "toml" and "file" not in block.said
]


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_every_excerpt_of_a_configuration_is_valid(
    excerpt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("account_information.schema.json").write_text('{"type": "object"}')
    Path("harbour.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    Path("pairwise.salt").write_text("A" * 43)
    Path("pages").mkdir()
    later = datetime.now(UTC).date() + timedelta(days=60)
    settings = tomllib.loads(excerpt.replace("2027-06-30", later.isoformat()))
    for name, around in AROUND.items():
        given = settings.get(name)
        settings[name] = around if given is None else _both(around, given)
    assert Config.from_mapping(settings)


def _both(around: Any, given: Any) -> Any:
    """What is given, and what else is taken for granted."""
    if isinstance(around, dict):
        return {**around, **given}
    named = {each.get("username", each.get("type")) for each in given}
    return [*given, *(each for each in around if each.get("username", each.get("type")) not in named)]


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
