"""The client file: what is written is read again, and each mistake is named."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from fapikit_cli.client_file import ClientFile, find_client_file, read_client_file
from fapikit_cli.connecting import authentication_of, connected
from fapikit_cli.failing import WrongUsage
from fapikit_cli.token_file import TokenFile
from fapikit_cli.toml_text import toml_text

GOOD = 'issuer = "https://bank.example"\nclient_id = "me"\n'
MISTAKES = {
    "not TOML": ("issuer =", "is not TOML"),
    "an unknown setting": (GOOD + 'scpoe = "openid"', "unknown setting scpoe"),
    "a number for a string": (GOOD + "scope = 1", "scope must be a string"),
    "a string for a number": (GOOD + 'redirect_port = "80"', "redirect_port must be a number"),
    "a string for a table": (GOOD + 'options = "all"', "options must be a table"),
    "no issuer": ('client_id = "me"', "lacks the setting issuer"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fapikit-client.toml"


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_named(case: str, path: Path) -> None:
    text, said = MISTAKES[case]
    path.write_text(text)
    with pytest.raises(WrongUsage, match=said):
        read_client_file(path)


def test_a_near_name_is_offered(path: Path) -> None:
    path.write_text(GOOD + 'scpoe = "openid"')
    with pytest.raises(WrongUsage) as raised:
        read_client_file(path)
    assert raised.value.advice == "write scope"


def test_what_is_written_is_read_again(path: Path) -> None:
    file = ClientFile(
        path=path,
        issuer="https://bank.example",
        client_id='me "and" \\ you',
        key=path.parent / "keys" / "client.key",
        ca=Path("/etc/ssl/ca.pem"),
        redirect_port=8080,
        options={"response_mode": "jwt", "trusted_audiences": ["a", "b"]},
    )
    file.write()
    assert read_client_file(path) == file
    assert 'key = "keys/client.key"' in path.read_text()
    assert file.token_file == path.parent / "fapikit-tokens.json"


def test_the_file_is_found_by_option_then_environment_then_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    monkeypatch.delenv("FAPIKIT_CLIENT", raising=False)
    with pytest.raises(WrongUsage, match="there is no client file"):
        find_client_file(None)
    path.write_text(GOOD)
    other = path.with_name("other.toml")
    other.write_text(GOOD)
    assert find_client_file(None) == Path(path.name)
    monkeypatch.setenv("FAPIKIT_CLIENT", str(other))
    assert find_client_file(None) == other
    assert find_client_file(path) == path


def test_an_unknown_method_and_a_file_that_is_missing_are_named(path: Path) -> None:
    file = ClientFile(path=path, issuer="https://bank.example", client_id="me")
    with pytest.raises(WrongUsage, match="there is no key"):
        authentication_of(file)
    with pytest.raises(WrongUsage, match="there is no client_secret"):
        authentication_of(replace(file, auth="client_secret_post"))
    with pytest.raises(WrongUsage, match="which is no method"):
        authentication_of(replace(file, auth="password"))
    assert authentication_of(replace(file, auth="none")).method == "none"


@pytest.mark.parametrize("with_secret", ["key", "client_secret"])
def test_a_secret_that_others_may_read_is_not_used(with_secret: str, path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_text("s" * 40)
    secret.chmod(0o640)
    auth = {"key": "private_key_jwt", "client_secret": "client_secret_jwt"}[with_secret]
    file = ClientFile(path=path, issuer="https://bank.example", client_id="me", auth=auth)
    with pytest.raises(WrongUsage, match="has the mode 0640"):
        authentication_of(replace(file, **{with_secret: secret}))


@pytest.mark.parametrize(
    "name, advice",
    [
        ("respond_mode", "write response_mode"),
        ("client_id", "the options are "),
        ("clock", "the options are "),
        ("http", "the options are "),
    ],
)
def test_an_option_that_there_is_not_is_named(name: str, advice: str, path: Path) -> None:
    file = ClientFile(
        path=path, issuer="https://bank.example", client_id="me", auth="none", options={name: "x"}
    )
    with (
        pytest.raises(WrongUsage, match=f"options has {name}, which is no option") as raised,
        connected(file, TokenFile(path.with_name("tokens.json"), None)),
    ):
        pass
    assert raised.value.advice.startswith(advice)


def test_toml_has_tables_and_lists_of_tables() -> None:
    settings = {
        "name": "Bänk\n\u007f",
        "list": ["a", "b"],
        "none": None,
        "scopes": {"see it": "a b", "deep": {"yes": True}},
        "users": [{"username": "alice", "claims": {"sub": "1"}}, {"username": "bob"}],
    }
    written = tomllib.loads(toml_text(settings, comment="one\ntwo"))
    assert written == {name: value for name, value in settings.items() if value is not None}
