"""The command that a hint names can be typed as it stands: it has the options that say who acts, with which tokens."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.fapikit_cli.acting.desk import Desk

NAMED = ("--client", "my client.toml", "--tokens", "my tokens.json")
REPEATED = "--client 'my client.toml' --tokens 'my tokens.json'"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    (desk.folder / "fapikit-client.toml").rename(desk.folder / "my client.toml")
    return desk


def next_of(told: str) -> str:
    """The command, without what explains it."""
    line = next(line for line in told.splitlines() if line.lstrip().startswith("next:"))
    return line.partition("next:")[2].partition("    (")[0].strip()


def test_each_hint_leads_on_to_the_next_command(desk: Desk) -> None:
    told = desk.run("call", "/accounts", *NAMED)
    assert told.returncode == 2
    assert f"sign in first: fapikit login {REPEATED}\n" in told.stderr
    signed_in = desk.run("login", *NAMED)
    assert next_of(signed_in.stdout) == f"fapikit call /PATH {REPEATED}"
    called = desk.run(*shlex.split(next_of(signed_in.stdout).replace("/PATH", "/accounts"))[1:])
    assert called.returncode == 0, called.stderr
    refused = desk.run("call", "/payments", "--json", "{}", *NAMED)
    assert next_of(refused.stderr) == f"fapikit login --scope 'openid accounts payments' {REPEATED}"
    again = desk.run(*shlex.split(next_of(refused.stderr))[1:])
    assert again.returncode == 0, again.stderr
    weak = desk.run("call", "/payments", "--json", "{}", *NAMED)
    assert next_of(weak.stderr) == f"fapikit login --acr urn:fapikit:acr:pin {REPEATED}"
    elsewhere = desk.run("call", "https://elsewhere.example/", *NAMED)
    assert f"fapikit login --resource URL {REPEATED};" in elsewhere.stderr


def test_a_token_that_is_kept_apart_is_used_from_there(desk: Desk) -> None:
    told = desk.run("token", "client-credentials", "--scope", "accounts", *NAMED[:2], "--keep", "own.json")
    assert next_of(told.stdout) == "fapikit call /PATH --client 'my client.toml' --tokens own.json"
    called = desk.run(*shlex.split(next_of(told.stdout).replace("/PATH", "/accounts"))[1:])
    assert called.returncode == 0, called.stderr


def test_a_token_of_the_client_itself_needs_no_user_to_get_more(desk: Desk) -> None:
    desk.run("token", "client-credentials", "--scope", "accounts", *NAMED[:2], "--keep", "own.json")
    refused = desk.run("call", "/payments", "--json", "{}", *NAMED[:2], "--tokens", "own.json")
    command = next_of(refused.stderr)
    kept = "--keep own.json --client 'my client.toml'"
    assert command == f"fapikit token client-credentials --scope 'accounts payments' {kept}"
    assert desk.run(*shlex.split(command)[1:]).returncode == 0
    own = desk.folder / "own.json"
    tokens = json.loads(own.read_text())
    tokens["tokens"][0]["expires_at"] = 1
    own.write_text(json.dumps(tokens))
    ended = desk.run("call", "/accounts", *NAMED[:2], "--tokens", "own.json")
    assert next_of(ended.stderr) == f"fapikit token client-credentials {kept}"


def test_a_token_for_another_api_is_used_there(desk: Desk) -> None:
    api = desk.bank.facts["api"]
    path = desk.folder / "my client.toml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("api")))
    told = desk.run("token", "client-credentials", "--resource", api, *NAMED[:2], "--keep", "own.json")
    assert next_of(told.stdout).startswith(f"fapikit call {api} --client")


def test_a_phone_leads_to_the_api_too(desk: Desk) -> None:
    with desk.started("ciba", "--hint", "alice@example.test", *NAMED) as asking:
        desk.bank.decide_ciba(asking.line_after("there must be this message"))
        status, output, told = asking.finish()
    assert status == 0, told
    assert next_of(output) == f"fapikit call /PATH {REPEATED}"


@pytest.mark.parametrize("outside", [False, True])
def test_a_registered_client_is_named_if_its_key_is_elsewhere(outside: bool, desk: Desk) -> None:
    facts = desk.bank.facts
    words = ["register", facts["issuer"], "--ca", facts["ca_file"], "--folder", "a new client"]
    words += ["--initial-access-token", facts["initial_access_token_file"], "--scope", "openid accounts"]
    if outside:
        assert desk.run("keys", "new", "other").returncode == 0
        words += ["--key", "other.private.json"]
    told = desk.run(*words)
    assert told.returncode == 0, told.stderr
    folder = desk.folder / "a new client"
    expected = f"login --client '{folder}/fapikit-client.toml'" if outside else "login"
    command = next_of(told.stdout)
    assert command == (f"fapikit {expected}" if outside else f"cd '{folder}' && fapikit {expected}")
    if outside:
        signed_in = desk.run(*shlex.split(command)[1:])
        assert signed_in.returncode == 0, signed_in.stderr
