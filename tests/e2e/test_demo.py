"""`make demo` refuses what a profile forbids, and on a terminal it goes on until it is stopped.

What it plays is in the files that are named after a flow or a profile.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.playing import ROOT, demo


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ("fapi2-security AUTH=none", "AUTH under fapi2-security is one of private_key_jwt, "),
        ("fapi2-security BINDING=none", "BINDING under fapi2-security is one of dpop, mtls, not 'none'"),
        ("fapi1-advanced BINDING=dpop", "BINDING under fapi1-advanced is one of mtls, not 'dpop'"),
        ("fapi1-advanced FLOW=device", "FLOW under fapi1-advanced is one of web, consents, not 'device'"),
        (
            "fapi1-baseline AUTH=none BINDING=dpop FLOW=consents",
            "self_signed_tls_client_auth, client_secret_jwt, not 'none'",
        ),
    ],
)
def test_what_the_profile_forbids_is_not_played(choices: str, told: str) -> None:
    run = demo(choices)
    assert run.returncode == 2
    assert told in run.stderr


def on_its_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup


def on_a_terminal(*choices: str) -> tuple[subprocess.Popen[bytes], int]:
    """The demo with a terminal of its own, and our end of that terminal."""
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "ONCE"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "examples.demo", *choices],
        cwd=ROOT,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=on_its_terminal,
    )
    os.close(slave)
    return demo, master


def require_serving(master: int) -> None:
    printed = b""
    while b"Ctrl-C stops everything" not in printed:
        assert select.select([master], [], [], 60)[0], printed.decode()
        printed += os.read(master, 65536)
    bank = re.search(rb"Old Mill Bank: (https://localhost:\d+)", printed)
    assert bank is not None
    socket.create_connection(("127.0.0.1", int(bank[1].rsplit(b":", 1)[1])), 5).close()


def require_none_left(group: int) -> None:
    """No server runs: all of them are in the group of the demo, which has waited for each."""
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_on_a_terminal_it_keeps_serving_until_it_is_stopped() -> None:
    demo, master = on_a_terminal("--flow", "consents")
    try:
        require_serving(master)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
        require_none_left(demo.pid)
    finally:
        end(demo)
        os.close(master)


def test_nothing_is_left_if_somebody_closes_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gunicorn does not end with its terminal: it starts its workers anew."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    demo, master = on_a_terminal()
    try:
        try:
            require_serving(master)
        finally:
            os.close(master)
        demo.wait(30)
        require_none_left(demo.pid)
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    finally:
        end(demo)


def end(demo: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(demo.pid, signal.SIGKILL)
    demo.wait()
