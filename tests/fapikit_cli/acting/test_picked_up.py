"""A client file that nobody named may have come with a repository, or lie in a folder of many users."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from fapikit_cli import picked_up
from fapikit_cli.failing import WrongUsage
from fapikit_cli.picked_up import client_file_of
from fapikit_cli.typer_app import app

GOOD = 'issuer = "https://bank.example"\nclient_id = "me"\n'
SETTINGS = ("key", "certificate", "certificate_key", "client_secret", "seal", "tokens")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a client file that somebody else has written, below the folder of the user."""
    (tmp_path / "secret").write_text("the secret of the user")
    (tmp_path / "secret").chmod(0o600)
    folder = tmp_path / "cloned"
    folder.mkdir()
    (folder / "fapikit-client.toml").write_text(GOOD)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FAPIKIT_CLIENT", raising=False)
    return folder


def add(here: Path, line: str) -> None:
    with (here / "fapikit-client.toml").open("a") as file:
        file.write(line + "\n")


@pytest.mark.parametrize("way", ["above", "absolute", "through a link", "through a folder that is a link"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_it_names_no_file_outside_of_its_folder(setting: str, way: str, here: Path) -> None:
    secret = here.parent / "secret"
    (here / "link").symlink_to(secret)
    (here / "folder").symlink_to(here.parent)
    named = {
        "above": "../secret",
        "absolute": secret,
        "through a link": "link",
        "through a folder that is a link": "folder/secret",
    }
    add(here, f'{setting} = "{named[way]}"')
    with pytest.raises(WrongUsage, match=f"its {setting} is outside of the folder") as raised:
        client_file_of(None)
    assert "--client fapikit-client.toml" in raised.value.advice
    assert client_file_of(Path("fapikit-client.toml")).client_id == "me"


def test_whoever_names_it_has_written_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(here, 'key = "../secret"')
    monkeypatch.setenv("FAPIKIT_CLIENT", str(here / "fapikit-client.toml"))
    assert client_file_of(None).key == here / "../secret"


@pytest.mark.parametrize("kept", ["tokens", "registration"])
def test_what_is_kept_beside_it_is_not_read_through_a_link_either(kept: str, here: Path) -> None:
    (here / f"fapikit-{kept}.json").symlink_to(here.parent / "secret")
    with pytest.raises(WrongUsage, match=f"its {kept} is outside of the folder"):
        client_file_of(None)


def test_files_in_its_folder_and_below_are_its_own_and_an_authority_is_no_secret(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(
        here, 'key = "keys/client.key"\nclient_secret = "secret"\nca = "/etc/ssl/ca.pem"\ntokens = "./t.json"'
    )
    assert client_file_of(None).client_id == "me"
    assert capsys.readouterr() == ("", "me at https://bank.example, by fapikit-client.toml in this folder\n")
    client_file_of(Path("fapikit-client.toml"))
    assert capsys.readouterr() == ("", "")


def test_the_folder_may_be_reached_through_a_link(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here.parent / "linked").symlink_to(here)
    add(here, 'key = "client.key"')
    monkeypatch.chdir(here.parent / "linked")
    assert client_file_of(None).client_id == "me"


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are those of POSIX")
def test_it_belongs_to_the_user_and_nobody_else_can_change_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "fapikit-client.toml").chmod(0o666)
    with pytest.raises(WrongUsage, match="can be changed by every user"):
        client_file_of(None)
    (here / "fapikit-client.toml").chmod(0o664)
    assert client_file_of(None).client_id == "me"
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(WrongUsage, match="belongs to another user"):
        client_file_of(None)
    assert client_file_of(Path("fapikit-client.toml")).client_id == "me"


def test_what_was_judged_is_what_is_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else who may change the folder waits for the moment in between."""
    judge = picked_up._require_own

    def judged_and_exchanged(*arguments: Any) -> None:
        judge(*arguments)
        (here / "other").write_text(GOOD.replace("bank.example", "stranger.example"))
        (here / "other").replace(here / "fapikit-client.toml")

    monkeypatch.setattr(picked_up, "_require_own", judged_and_exchanged)
    assert client_file_of(None).issuer == "https://bank.example"


@pytest.mark.parametrize("name", ["fapikit-client.toml", "fapikit-registration.json"])
def test_a_registration_makes_no_file_where_a_link_leads(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    words = ["register", "https://localhost:1", "--folder", str(tmp_path)]
    with pytest.raises(WrongUsage, match=f"{name} exists"):
        get_command(app)(words, standalone_mode=False)


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.mark.parametrize(
    "words",
    [
        ["token", "client-credentials"], ["login"], ["ciba", "--hint", "alice"], ["introspect", "--token", "../secret"],
        ["token", "exchange", "--received", "../secret"], ["attack", "https://localhost/", "--as", "server"],
        ["registration", "show"], ["registration", "update", "changes.json"], ["registration", "delete", "--yes"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_command_sends_a_secret_to_a_stranger(
    words: list[str], here: Path, stranger: socket.socket
) -> None:
    issuer = f"https://localhost:{stranger.getsockname()[1]}"
    (here / "changes.json").write_text("{}")
    (here / "fapikit-client.toml").write_text(
        f'issuer = "{issuer}"\nclient_id = "me"\nauth = "client_secret_post"\nclient_secret = "../secret"\n'
    )
    with pytest.raises(WrongUsage, match="its client_secret is outside of the folder"):
        get_command(app)(words, standalone_mode=False)
    with pytest.raises(BlockingIOError):
        stranger.accept()
