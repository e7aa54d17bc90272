"""`fapikit login` and `fapikit ciba`, as processes, at a bank of `fapikit askit`."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from fapikit_cli.commands.login import show_code
from tests.fapikit_cli.acting.desk import Bank, Desk, running_bank
from tests.fapikit_cli.acting.workshop import Workshop


@pytest.mark.spec("RFC 8252 5")
def test_the_browser_signs_in_and_every_check_is_told(desk: Desk) -> None:
    told = desk.run("login")
    assert told.returncode == 0, told.stderr
    for line in ("iss of the response", "state", "ID token: nonce", "scope is as requested"):
        assert any(row.startswith(line) and "passed" in row for row in told.stdout.splitlines()), line
    assert "RFC 9207 2.4a" in told.stdout
    assert f"alice has signed in at {desk.bank.issuer}" in told.stdout
    assert "bound to the DPoP key" in told.stdout
    assert (desk.folder / "fapikit-tokens.json").stat().st_mode & 0o777 == 0o600


def test_a_machine_gets_the_report_as_json(desk: Desk) -> None:
    told = desk.run("login", "--json", "--acr", "urn:fapikit:acr:pin", "--max-age", "600")
    report = json.loads(told.stdout)
    assert (report["subject"], report["acr"]) == ("alice", "urn:fapikit:acr:pin")
    assert report["scope"] == "openid accounts"
    assert report["access_tokens"][0]["resource"] == desk.bank.facts["api"]
    assert {"check": "state", "outcome": "passed", "clause": "RFC 9700 2.1c", "detail": ""} in report[
        "checks"
    ]


def test_another_profile_has_its_own_rules(desk: Desk) -> None:
    told = desk.run("login", "--profile", "fapi1-advanced")
    assert told.returncode == 2
    assert "ForbiddenByProfile" in told.stderr or "fapi1-advanced" in told.stderr
    bound = desk.run("login", "--bind", "mtls")
    assert bound.returncode == 2
    assert "certificate in the client file" in bound.stderr


def test_tokens_are_shown_if_that_is_asked_for(desk: Desk) -> None:
    told = desk.run("login", "--json", "--show-tokens", shows_tokens=True)
    kept = desk.tokens
    assert json.loads(told.stdout)["access_token"] == kept["tokens"][0]["value"]
    assert json.loads(told.stdout)["refresh_token"] == kept["refresh_token"]


@pytest.mark.spec("RFC 9396 2")
def test_authorization_details_come_from_a_file(desk: Desk) -> None:
    detail = {"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "12.00"}}
    (desk.folder / "payment.json").write_text(json.dumps(detail))
    told = desk.run("login", "--json", "--details", "payment.json")
    granted = json.loads(told.stdout)["authorization_details"]
    assert granted[0]["instructedAmount"] == detail["instructedAmount"]


def test_a_user_who_says_no_is_a_refusal(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(decision="deny")
    told = desk.run("login")
    assert told.returncode == 1
    assert "AuthorizationRefused" in told.stderr
    assert not (desk.folder / "fapikit-tokens.json").exists()


@pytest.mark.spec("RFC 8628 3.3.1a")
def test_a_phone_signs_in_with_a_code(desk: Desk) -> None:
    with desk.started("login", "--device") as login:
        code = login.line_after("enter the code")
        desk.bank.decide_device(code)
        status, output, told = login.finish()
    assert status == 0, told
    assert f"Open {desk.bank.issuer}/device on a device with a browser" in told
    assert "alice has signed in" in output
    assert desk.run("call", "/accounts").returncode == 0


def test_without_a_browser_it_shows_a_code_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "environment", {"BROWSER": "", "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"})
    with desk.started("login") as login:
        desk.bank.decide_device(login.line_after("enter the code"), "deny")
        status, _, told = login.finish()
    assert status == 1
    assert "RequestDenied" in told


@pytest.mark.spec("CIBA 7.1a")
def test_a_user_is_asked_on_the_phone(desk: Desk) -> None:
    with desk.started("ciba", "--hint", "alice@example.test") as asking:
        message = asking.line_after("there must be this message")
        desk.bank.decide_ciba(message)
        status, output, told = asking.finish()
    assert status == 0, told
    assert "alice has agreed" in output
    assert desk.run("call", "/accounts").returncode == 0


def test_nobody_is_asked_without_a_name(desk: Desk) -> None:
    told = desk.run("ciba")
    assert told.returncode == 2
    assert "give --hint USER" in told.stderr


def test_tokens_are_sealed_if_there_is_a_key(desk_of: Callable[..., Desk], tmp_path: Path) -> None:
    (tmp_path / "seal.key").write_bytes(b"s" * 32)
    (tmp_path / "seal.key").chmod(0o600)
    desk = desk_of(seal="seal.key")
    desk.sign_in()
    assert b"{" not in (desk.folder / "fapikit-tokens.json").read_bytes()
    assert desk.run("call", "/accounts").returncode == 0
    (tmp_path / "seal.key").write_bytes(b"t" * 32)
    told = desk.run("call", "/accounts")
    assert told.returncode == 3
    assert "SealBroken" in told.stderr


@pytest.mark.parametrize(
    "options", [["--profile", "fapi2-message-signing", "--mtls"], ["--profile", "oauth-2.1"]]
)
def test_banks_of_other_profiles_work_too(options: list[str], workshop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    with running_bank(tmp_path / "bank", workshop, *options) as bank:
        desk = Desk(bank, folder)
        desk.sign_in()
        assert json.loads(desk.run("call", "/accounts").stdout)["of"] == "alice"
        assert ("x5t#S256" in desk.tokens["tokens"][0]) == ("--mtls" in options)


def test_a_bank_that_was_kept_starts_again(workshop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    with running_bank(tmp_path / "bank", workshop) as bank:
        Desk(bank, folder).sign_in()
        before = bank.facts
    with running_bank(tmp_path / "bank", workshop) as again:
        assert {**again.facts, "pid": 0} == {**before, "pid": 0}
        called = Desk(again, folder).run("call", "/accounts")
        assert called.returncode == 0, called.stderr


def test_a_bank_without_its_api_starts_while_an_api_of_somebody_else_listens(
    workshop: Workshop, tmp_path: Path
) -> None:
    with running_bank(tmp_path / "bank", workshop, "--no-api") as bank:
        api = bank.facts["api"]
    with (
        socket.create_server(("127.0.0.1", urlsplit(api).port)),
        running_bank(tmp_path / "bank", workshop, "--no-api") as again,
    ):
        assert again.facts["api"] == api


def test_a_folder_of_something_else_is_left_alone(bank: Bank, tmp_path: Path, desk: Desk) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    told = desk.run("askit", "--keep", "other", "--port", "0", "--api-port", "0")
    assert told.returncode == 2
    assert "no folder of this command" in told.stderr
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_a_port_that_is_taken_is_named(bank: Bank, desk: Desk) -> None:
    port = bank.issuer.rpartition(":")[2]
    told = desk.run("askit", "--port", port)
    assert told.returncode == 2
    assert f"nothing can listen on port {port}" in told.stderr
    assert "--port" in told.stderr


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_address_code_and_a_picture_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "https://bank.example/device"
    device: Any = SimpleNamespace(verification_uri=uri, user_code="WDJB-MJHT", qr_text=lambda: "[picture]")
    monkeypatch.setattr("sys.stderr", shown := Terminal())
    show_code(device)
    for text in (uri, "WDJB-MJHT", "[picture]"):
        assert text in shown.getvalue()
