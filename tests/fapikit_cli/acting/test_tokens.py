"""`fapikit token`, `introspect`, `revoke`, `logout` and `register`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fapikit_cli.acting.desk import Desk
from tests.fapikit_cli.running import run
from tests.keys import claims_of


def test_a_pipe_gets_the_token_and_a_terminal_does_not(signed_in: Desk) -> None:
    piped = signed_in.run("token", "print", shows_tokens=True)
    assert claims_of(piped.stdout.strip())["sub"] == "alice"
    assert "bound to a DPoP key" in piped.stderr
    status, seen = signed_in.run_on_a_terminal("token", "print")
    assert status == 2
    assert "stdout is a terminal" in seen


@pytest.mark.spec("RFC 6749 6")
def test_refreshed_tokens_are_on_the_disk(signed_in: Desk) -> None:
    before = signed_in.tokens
    told = signed_in.run("token", "refresh")
    assert told.returncode == 0, told.stderr
    after = signed_in.tokens
    assert after["version"] == before["version"] + 1
    assert after["tokens"][0]["value"] != before["tokens"][0]["value"]
    assert not list(signed_in.folder.glob("*.lock"))


def test_of_two_commands_that_refresh_at_once_both_succeed(desk: Desk) -> None:
    desk.sign_in()
    before = desk.tokens["version"]
    with (
        desk.started("token", "refresh", "--json") as one,
        desk.started("token", "refresh", "--json") as other,
    ):
        ends = [one.finish(), other.finish()]
    assert [end[0] for end in ends] == [0, 0], ends
    assert before < desk.tokens["version"] <= before + 2
    assert desk.run("call", "/accounts").returncode == 0


@pytest.mark.spec("RFC 6749 4.4")
def test_a_token_of_the_client_itself_is_kept_where_it_is_wanted(desk: Desk) -> None:
    told = desk.run("token", "client-credentials", "--scope", "accounts", "--keep", "own.json")
    assert told.returncode == 0, told.stderr
    assert not (desk.folder / "fapikit-tokens.json").exists()
    called = desk.run("call", "/accounts", "--tokens", "own.json")
    assert json.loads(called.stdout)["of"] == "my-app"
    status, seen = desk.run_on_a_terminal("token", "client-credentials", "--scope", "accounts")
    assert (status, "The token is not kept" in seen) == (0, True)


@pytest.mark.spec("RFC 8693 2.1a")
def test_a_token_is_exchanged_for_one_with_less(desk: Desk) -> None:
    desk.sign_in("--scope", "openid accounts payments")
    told = desk.run("token", "exchange", "--scope", "accounts", "--keep", "less.json", "--json")
    assert json.loads(told.stdout)["scope"] == "accounts"
    assert desk.run("call", "/accounts", "--tokens", "less.json").returncode == 0
    assert desk.run("call", "/payments", "-d", "{}", "--tokens", "less.json").returncode == 1


@pytest.mark.spec("RFC 7662 2.1")
def test_the_server_tells_what_is_in_a_token(signed_in: Desk) -> None:
    told = signed_in.run("introspect", "--json")
    claims: dict[str, Any] = json.loads(told.stdout)
    assert (claims["active"], claims["sub"], claims["client_id"]) == (True, "alice", "my-app")
    assert type(claims["exp"]) is int
    other = signed_in.run("introspect", "--token", "-", stdin="a-token-that-nobody-issued")
    assert other.returncode == 1
    assert "not active" in other.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["login", "--tokens"],
        ["ciba", "--hint", "alice@example.test", "--tokens"],
        ["token", "refresh", "--tokens"],
        ["token", "client-credentials", "--keep"],
        ["token", "exchange", "--keep"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("place, said", [("nowhere/t.json", "nowhere is no folder"), (".", "is a folder")])
def test_no_token_is_asked_for_that_cannot_be_kept(
    words: list[str], place: str, said: str, signed_in: Desk
) -> None:
    told = signed_in.run(*words, place)
    assert told.returncode == 2
    assert said in told.stderr
    assert "Nothing was asked for" in told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["introspect", "--token"],
        ["token", "exchange", "--received"],
        ["register", "https://localhost:9", "--folder", "new", "--initial-access-token"],
        [
            "doctor",
            "https://localhost:9",
            "--registration-uri",
            "https://localhost:9/",
            "--registration-token",
        ],
    ],
    ids=" ".join,
)
def test_a_file_of_tokens_is_not_sent_as_a_token(words: list[str], signed_in: Desk) -> None:
    """It has the refresh token and the key of the client in it."""
    told = signed_in.run(*words, "fapikit-tokens.json")
    assert told.returncode == 2
    assert "fapikit-tokens.json is not the " in told.stderr
    assert "It was not sent" in told.stderr
    assert "more than one word" in signed_in.run(*words, "-", stdin="Bearer abc").stderr


@pytest.mark.spec("RFC 7009 2.1")
def test_revoked_tokens_are_gone_here_and_at_the_server(desk: Desk) -> None:
    desk.sign_in()
    token = desk.tokens["tokens"][0]["value"]
    assert desk.run("revoke").returncode == 0
    assert not (desk.folder / "fapikit-tokens.json").exists()
    assert desk.run("introspect", "--token", "-", stdin=token).returncode == 1


def test_signing_out_ends_the_tokens_and_names_the_page(desk: Desk) -> None:
    desk.sign_in()
    told = run("logout", cwd=desk.folder, env={**desk.environment, "BROWSER": "true %s"})
    assert told.returncode == 0, told.stderr
    assert "Sign out there" in told.stdout
    assert not (desk.folder / "fapikit-tokens.json").exists()


@pytest.mark.spec("RFC 7591 3.2.1")
def test_a_registered_client_signs_in_and_calls(desk: Desk) -> None:
    facts = desk.bank.facts
    registered = desk.run(
        *("register", facts["issuer"], "--ca", facts["ca_file"], "--api", facts["api"]),
        *("--initial-access-token", facts["initial_access_token_file"], "--folder", "mine"),
        *("--scope", "openid accounts"),
    )
    assert registered.returncode == 0, registered.stderr
    mine = desk.folder / "mine"
    kept = json.loads((mine / "fapikit-registration.json").read_text())
    assert kept["registration_access_token"] not in registered.stdout + registered.stderr
    for name in ("fapikit-registration.json", "client.key"):
        assert (mine / name).stat().st_mode & 0o777 == 0o600
    client = str(mine / "fapikit-client.toml")
    assert desk.run("login", "--client", client).returncode == 0
    called = desk.run("call", "/accounts", "--client", client)
    assert called.returncode == 0, called.stderr
    again = desk.run("register", facts["issuer"], "--folder", "mine")
    assert again.returncode == 2
    assert "nothing was registered" in again.stderr


@pytest.mark.spec("RFC 7592 2.1", "RFC 7592 2.2", "RFC 7592 2.3")
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_a_registration_is_read_changed_and_ended(sealed: bool, desk: Desk) -> None:
    facts, mine = desk.bank.facts, desk.folder / "mine"
    (desk.folder / "seal").write_bytes(bytes(range(32)))
    (desk.folder / "seal").chmod(0o600)
    made = desk.run(
        *("register", facts["issuer"], "--ca", facts["ca_file"], "--folder", "mine"),
        *("--initial-access-token", facts["initial_access_token_file"], "--scope", "openid accounts"),
        *(("--seal", "seal") if sealed else ()),
    )
    assert made.returncode == 0, made.stderr
    file = mine / "fapikit-registration.json"
    at = ("--client", str(mine / "fapikit-client.toml"))
    shown = desk.run("registration", "show", *at)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["client_name"] == "fapikit command line"
    (desk.folder / "changes.json").write_text(
        json.dumps({"client_name": "Mine", "contacts": ["a@b.example"]})
    )
    changed = desk.run("registration", "update", "changes.json", *at)
    assert changed.returncode == 0, changed.stderr
    now = json.loads(desk.run("registration", "show", *at).stdout)
    assert (now["client_name"], now["contacts"]) == ("Mine", ["a@b.example"])
    assert now["redirect_uris"] == json.loads(shown.stdout)["redirect_uris"]
    (desk.folder / "changes.json").write_text(json.dumps({"contacts": None}))
    assert desk.run("registration", "update", "changes.json", *at).returncode == 0
    assert "contacts" not in json.loads(desk.run("registration", "show", *at).stdout)
    if not sealed:
        token = json.loads(file.read_text())["registration_access_token"]
        assert token not in shown.stdout + changed.stdout
    asked = desk.run("registration", "delete", *at)
    assert (asked.returncode, "add --yes" in asked.stderr, file.exists()) == (2, True, True)
    assert desk.run("registration", "delete", "--yes", *at).returncode == 0
    assert not file.exists()
    gone = desk.run("registration", "show", *at)
    assert (gone.returncode, "there is no registration" in gone.stderr) == (2, True)
    assert desk.run("login", *at).returncode == 1


def test_a_change_that_the_server_refuses_changes_nothing(desk: Desk) -> None:
    facts, mine = desk.bank.facts, desk.folder / "mine"
    made = desk.run(
        *("register", facts["issuer"], "--ca", facts["ca_file"], "--folder", "mine"),
        *("--initial-access-token", facts["initial_access_token_file"]),
    )
    assert made.returncode == 0, made.stderr
    at = ("--client", str(mine / "fapikit-client.toml"))
    (desk.folder / "changes.json").write_text(json.dumps({"grant_types": ["password"]}))
    told = desk.run("registration", "update", "changes.json", *at)
    assert (told.returncode, "PeerRefused" in told.stderr) == (1, True), told.stderr
    (desk.folder / "changes.json").write_text("[1]")
    told = desk.run("registration", "update", "changes.json", *at)
    assert (told.returncode, "no JSON object" in told.stderr) == (2, True)
    shown = desk.run("registration", "show", *at)
    assert "authorization_code" in json.loads(shown.stdout)["grant_types"]


def test_a_registration_without_permission_is_refused(desk: Desk) -> None:
    facts = desk.bank.facts
    told = desk.run("register", facts["issuer"], "--ca", facts["ca_file"], "--folder", "mine")
    assert told.returncode == 1
    assert "PeerRefused" in told.stderr
    assert not (desk.folder / "mine" / "fapikit-client.toml").exists()
