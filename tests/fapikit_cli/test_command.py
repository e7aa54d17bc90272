"""The command itself: it starts quickly, is plain in a pipe, completes, and refuses secrets as arguments."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from typer.main import get_command

from fapikit_cli.failing import WrongUsage
from fapikit_cli.secret_arguments import refuse_secrets
from fapikit_cli.typer_app import FoundCommands, app, command_names
from tests.fapikit_cli.running import COMMAND, environment, run, run_on_a_terminal
from tests.keys import a_key, mint

NOW = 1_800_000_000


def test_help_names_every_command_and_the_exit_statuses() -> None:
    told = run("--help")
    assert told.returncode == 0
    assert "keys" in command_names()
    for name in command_names():
        assert f"\n  {name} " in told.stdout
    assert "2 wrong usage" in told.stdout


@pytest.mark.parametrize("name", ["", *command_names()])
def test_every_help_is_told_without_the_library(name: str) -> None:
    """What takes long to import is imported by the command that needs it."""
    program = (
        "import sys; from fapikit_cli.main import main\ntry: main()\nfinally: print('loaded:', *sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, *filter(None, [name]), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(told.stdout.rsplit("loaded:")[1].split())
    assert not {"fapikit", "httpx", "cryptography", "starlette", "uvicorn", "askit"} & loaded


def _command_lines() -> Iterator[list[str]]:
    for name in command_names():
        command = FoundCommands().get_command(None, name)
        below = getattr(command, "commands", {})
        yield from ([name, part] for part in below) if below else [[name]]


@pytest.mark.parametrize("words", list(_command_lines()), ids=" ".join)
def test_no_help_speaks_of_types_of_python(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        get_command(app)([*words, "--help"], prog_name="fapikit")
    told = capsys.readouterr().out
    assert not re.search(r"<(?:\w+\[)?(?:str|int|float|bool|path)\b", told), told
    assert f"Usage: fapikit {' '.join(words)} [OPTIONS]" in told


def test_the_usage_shows_what_is_typed() -> None:
    assert "fapikit call [OPTIONS] [METHOD] URL\n" in run("call", "--help").stdout
    _, seen = run_on_a_terminal("keys", "new", "--help", env={"COLUMNS": "200"})
    plain = re.sub(r"\x1b\[[0-9;]*m", "", seen)
    assert "fapikit keys new [OPTIONS] NAME" in plain
    assert "<bool>" not in plain
    assert "keep it. NAME.public.json is the public JWK, and NAME.jwks.json a JWK Set with it: give" in plain


def test_help_takes_less_than_0_3_seconds() -> None:
    """Of the processor: what else the machine does is not counted. The best of three runs."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.3


def test_a_pipe_and_no_color_get_plain_text_and_a_terminal_gets_colours() -> None:
    _, seen = run_on_a_terminal("keys", "--help")
    assert "\x1b[" in seen
    _, seen = run_on_a_terminal("keys", "--help", env={"NO_COLOR": "1"})
    assert "\x1b[" not in seen
    assert run("keys", "--help").stdout.isascii()


def test_tells_its_version() -> None:
    told = run("--version")
    assert told.stdout == f"fapikit {version('fapikit')}\n"


def test_wrong_usage_ends_with_2() -> None:
    told = run("keys", "new", "x", "--alg", "HS256")
    assert told.returncode == 2
    assert "ES256" in told.stderr


def test_the_missing_extra_is_named() -> None:
    program = "import sys; sys.modules['typer'] = None; from fapikit_cli.main import main; main()"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert 'pip install "fapikit[cli]"' in told.stderr


@pytest.mark.parametrize(
    "line, completed",
    [
        ("fapikit ke", "keys"),
        ("fapikit keys n", "new"),
        ("fapikit keys new x --alg P", "PS256"),
        ("fapikit doctor https://x --profile fapi2-s", "fapi2-security"),
        ("fapikit jwt verify --purpose id", "id-token"),
    ],
)
def test_the_shell_completes(line: str, completed: str) -> None:
    words = line.split()
    told = subprocess.run(
        COMMAND,
        env=environment(_FAPIKIT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed in told.stdout.split()


def jwt(**claims: object) -> str:
    return mint({"iss": "me", **claims}, a_key("ES256"))


@pytest.mark.parametrize(
    "argument",
    [
        "-----BEGIN PRIVATE KEY-----\nMIG...",
        '{"kty": "EC", "d": "abc"}',
        '{"k": "abc", "kty": "oct"}',
        "https://alice:wonder@bank.example/",
        "redis://:pass@host",
        jwt(exp=NOW + 1),
        jwt(),
        f"Authorization: Bearer {jwt(exp=NOW + 1)}",
        "Authorization: Basic YTpi",
        "eyJhbGciOiJSU0EtT0FFUCJ9.AA.AA.AA.AA",
        "--client-secret=abcdef",
        "--password=hunter2",
    ],
)
def test_a_secret_among_the_arguments_is_refused(argument: str) -> None:
    with pytest.raises(WrongUsage) as refused:
        refuse_secrets(["x", argument], now=NOW)
    assert "argument 2" in str(refused.value)
    assert argument not in str(refused.value) + refused.value.advice


@pytest.mark.parametrize(
    "argument",
    [
        "https://bank.example/",
        "https://bank.example/a?b=c:d@e",
        "client.json",
        '{"d": "a member of an order"}',
        '{"kty": "EC", "x": "abc"}',
        "--client-secret=env:SECRET",
        "--password=ask",
        "--client-secret=./secret",
        jwt(exp=NOW - 1),
        jwt(htm="POST", iat=NOW - 3600),
        "Authorization:",
    ],
)
def test_what_is_no_secret_is_not_refused(argument: str) -> None:
    refuse_secrets([argument], now=NOW)


def test_a_refused_secret_is_not_repeated_on_any_stream() -> None:
    token = jwt(exp=int(time.time()) + 600)
    told = run("keys", "new", token)
    assert told.returncode == 2
    assert token not in told.stdout + told.stderr
    assert "stdin" in told.stderr
