"""`fapikit attack`: what it attacks, what it tells, and whom it asks first."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from fapikit.scan_report import Finding, ScanReport
from fapikit_cli import attacking
from fapikit_cli.attacking import require_permission, show
from fapikit_cli.client_file import read_client_file
from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.failing import WrongUsage
from tests.fapikit_cli.acting.desk import Desk


def test_the_bank_has_no_hole(desk: Desk) -> None:
    told = desk.run("attack", desk.bank.issuer, "--password", "env:PASSWORD_OF_ALICE")
    assert told.returncode == 0, told.stderr
    assert f"no hole in the server {desk.bank.issuer}" in told.stdout
    assert "To look: --other-client FILE" in told.stdout
    assert "To look: in Python, Party(signs_requests=True)" in told.stdout
    row = next(line for line in told.stdout.splitlines() if line.startswith("a code with another verifier"))
    assert "refused" in row


def test_a_second_client_can_be_registered_for_what_one_may_do_with_anothers(desk: Desk) -> None:
    facts = desk.bank.facts
    registered = desk.run(
        *("register", facts["issuer"], "--ca", facts["ca_file"], "--folder", "second"),
        *("--initial-access-token", facts["initial_access_token_file"], "--scope", "openid accounts"),
        *("--redirect-uri", "https://client.example.test/callback"),
    )
    assert registered.returncode == 0, registered.stderr
    second = desk.folder / "second" / "fapikit-client.toml"
    told = desk.run(
        "attack", desk.bank.issuer, "--password", "env:PASSWORD_OF_ALICE", "--other-client", second, "--json"
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert [item["what"] for item in json.loads(told.stdout)["not_looked_at"]] == ["request objects"]


def test_its_api_has_no_hole(desk: Desk) -> None:
    url = f"{desk.bank.facts['api']}accounts"
    told = desk.run("attack", url, "--issuer-key", desk.bank.facts["issuer_key_file"], "--json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert report["holes"] == []
    assert report["attacks"] > 400


def test_the_tokens_for_an_api_are_those_of_the_test_user(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr(
        attacking, "find_api_holes", lambda *_request, **claims: seen.update(claims) or ScanReport()
    )
    facts = desk.bank.facts
    client, key = read_client_file(Path(facts["client_file"])), Path(facts["issuer_key_file"])
    attacking.attack_api(
        attacking.ApiPlan(f"{facts['api']}accounts", client, key, "GET", "bob", None, None, client.ca)
    )
    assert (seen["sub"], seen["scope"]) == ("bob", "accounts")


def test_if_the_honest_login_does_not_pass_nothing_is_shown(desk: Desk) -> None:
    told = desk.run("attack", desk.bank.issuer, "--password", "-", stdin="looking-glass")
    assert told.returncode == 3
    assert "Nothing is shown" in told.stderr


def test_an_api_needs_a_key_that_it_trusts(desk: Desk) -> None:
    told = desk.run("attack", f"{desk.bank.facts['api']}accounts")
    assert told.returncode == 2
    assert "--issuer-key" in told.stderr


def test_a_hole_is_told_and_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    hole = Finding(
        "a code that was used before", "the code again", "200", "tokens twice", "RFC 6749 4.1.2", "end it"
    )
    assert show(ScanReport([hole], target="the server"), as_json=False) is ExitStatus.REFUSED
    assert "do:     end it" in capsys.readouterr().out
    assert show(ScanReport([hole], target="the server"), as_json=True) is ExitStatus.REFUSED
    assert json.loads(capsys.readouterr().out)["holes"][0]["clause"] == "RFC 6749 4.1.2"


class Keyboard(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("url", ["https://localhost:9443", "https://127.0.0.1:1/x", "https://[::1]:1/x"])
def test_this_machine_may_be_attacked(url: str) -> None:
    require_permission(url, None)


def test_another_host_is_attacked_only_after_its_name_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "https://bank.example/accounts"
    monkeypatch.setattr("sys.stdin", Keyboard("bank.example\n"))
    require_permission(url, None)
    assert "bank.example is not this machine" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))
    with pytest.raises(WrongUsage, match="nothing was attacked"):
        require_permission(url, None)
    monkeypatch.setattr("sys.stdin", StringIO("bank.example\n"))
    with pytest.raises(WrongUsage, match="no terminal to ask at"):
        require_permission(url, None)
    require_permission(url, "bank.example")
    with pytest.raises(WrongUsage, match="--allow names"):
        require_permission(url, "other.example")


def test_the_client_must_be_one_that_can_attack(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "fapikit-client.toml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("redirect_uri")))
    told = desk.run("attack", desk.bank.issuer, "--password", "env:PASSWORD_OF_ALICE")
    assert told.returncode == 2
    assert "redirect_uri" in told.stderr
