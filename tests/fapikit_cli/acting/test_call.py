"""`fapikit call`: what is sent, what is shown, and what a refusal tells."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from fapikit_cli.api_call import resource_for
from fapikit_cli.failing import WrongUsage
from tests.fapikit_cli.acting.desk import Desk
from tests.fapikit_cli.running import run

PAYMENT = '{"amount": "12.00"}'


def test_a_path_is_one_below_the_api(signed_in: Desk) -> None:
    told = signed_in.run("call", "/accounts")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["of"] == "alice"
    assert told.stderr == f"my-app at {signed_in.bank.issuer}, by fapikit-client.toml in this folder\n"


def test_status_headers_and_files(signed_in: Desk) -> None:
    url = f"{signed_in.bank.facts['api']}accounts"
    told = signed_in.run("call", "GET", url, "-i", "-o", "accounts.json", "-H", "accept: application/json")
    assert told.stdout.startswith("HTTP/1.1 200 OK\n")
    assert "content-type: application/json" in told.stdout
    assert json.loads((signed_in.folder / "accounts.json").read_text())["of"] == "alice"


@pytest.mark.spec("RFC 6750 3.1")
def test_a_scope_that_is_missing_leads_to_the_next_login(signed_in: Desk) -> None:
    told = signed_in.run("call", "/payments", "--json", PAYMENT)
    assert told.returncode == 1
    assert "The API answered 403 Forbidden" in told.stderr
    assert "error: insufficient_scope" in told.stderr
    assert "next: fapikit login --scope 'openid accounts payments'" in told.stderr


@pytest.mark.spec("RFC 9470 4")
def test_a_level_that_is_missing_leads_to_the_next_login(desk: Desk) -> None:
    desk.sign_in("--scope", "openid payments")
    (desk.folder / "order.json").write_text(PAYMENT)
    told = desk.run("call", "/payments", "--json", "@order.json")
    assert told.returncode == 1
    assert "StepUpRequired" in told.stderr
    command = told.stderr.partition("next: fapikit ")[2].strip()
    assert "urn:fapikit:acr:pin" in command
    desk.sign_in("--scope", "openid payments", *command.replace("'", "").split()[1:])
    paid = desk.run("call", "/payments", "-d", "@-", "-H", "content-type: application/json", stdin=PAYMENT)
    assert paid.returncode == 0, paid.stderr
    assert json.loads(paid.stdout)["order"] == {"amount": "12.00"}


@pytest.mark.spec("RFC 8707 2.2")
def test_no_other_host_gets_the_token(signed_in: Desk) -> None:
    told = signed_in.run("call", "https://elsewhere.example/accounts")
    assert told.returncode == 2
    assert "Nothing was sent" in told.stderr


def test_an_api_that_is_not_there_is_no_refusal(signed_in: Desk) -> None:
    told = signed_in.run("call", "https://127.0.0.1:9/accounts", "--resource", signed_in.bank.facts["api"])
    assert told.returncode == 3
    assert "Unreachable" in told.stderr


def test_what_an_api_does_not_have_is_a_refusal(signed_in: Desk) -> None:
    told = signed_in.run("call", "/nothing")
    assert told.returncode == 1
    assert "404 Not Found" in told.stderr


WRONG = {
    "authorization header": (["/accounts", "-H", "DPoP: x"], "this command writes the header DPoP itself"),
    "a line that is no header": (["/accounts", "-H", "accept"], "accept is no header"),
    "two bodies": (["/accounts", "-d", "x", "--json", "{}"], "--data and --json are both given"),
    "no URL": (["accounts"], "accounts is no URL"),
    "three words": (["GET", "/accounts", "now"], "is no request"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_sent_is_wrong_usage(case: str, signed_in: Desk) -> None:
    arguments, said = WRONG[case]
    told = signed_in.run("call", *arguments)
    assert told.returncode == 2
    assert said in told.stderr


def test_without_tokens_the_next_command_is_login(desk: Desk) -> None:
    told = desk.run("call", "/accounts")
    assert told.returncode == 2
    assert "sign in first: fapikit login" in told.stderr


@pytest.mark.spec("RFC 6749 10.3")
def test_a_token_file_that_others_may_read_is_not_used(desk: Desk) -> None:
    desk.sign_in()
    (desk.folder / "fapikit-tokens.json").chmod(0o644)
    told = run("call", "/accounts", cwd=desk.folder, env=desk.environment)
    assert told.returncode == 2
    assert "chmod 600" in told.stderr


HERE = ("https://api.example/v1", "https://api.example/v1/payments", "https://other.example/")


def tokens_for(*resources: str | None) -> Any:
    return SimpleNamespace(access_tokens=[SimpleNamespace(resource=resource) for resource in resources])


@pytest.mark.parametrize(
    "url, resource",
    [
        ("https://api.example/v1/accounts", HERE[0]),
        ("https://api.example/v1/payments", HERE[1]),
        ("https://api.example/v1/payments/7", HERE[1]),
        ("https://api.example/v1/payments7", HERE[0]),
        ("https://other.example/v2", HERE[2]),
    ],
)
def test_a_url_gets_the_token_of_the_api_that_it_is_below(url: str, resource: str) -> None:
    assert resource_for(url, tokens_for(*HERE)) == resource


def test_a_url_that_two_tokens_could_get_gets_none() -> None:
    with pytest.raises(WrongUsage, match="is below none of them"):
        resource_for("https://api.example/v3", tokens_for(*HERE))
    assert resource_for("https://api.example/v3", tokens_for(HERE[0], HERE[2])) == HERE[0]
    assert resource_for("https://api.example/v3", tokens_for(None)) is None
