"""`make demo` refuses what a profile forbids, and on a terminal it goes on until it is stopped.

What it plays is in the files that are named after a flow or a profile.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys

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


@pytest.mark.parametrize("choices", [(), ("--flow", "consents")])
def test_on_a_terminal_it_keeps_serving_until_it_is_stopped(choices: tuple[str, ...]) -> None:
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "ONCE"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "examples.demo", *choices],
        cwd=ROOT,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    printed = b""
    try:
        while b"Ctrl-C stops everything" not in printed:
            assert select.select([master], [], [], 60)[0], printed.decode()
            printed += os.read(master, 65536)
        bank = re.search(rb"Old Mill Bank: (https://localhost:\d+)", printed)
        assert bank is not None
        with socket.create_connection(("127.0.0.1", int(bank[1].rsplit(b":", 1)[1])), 5):
            demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    finally:
        demo.kill()
        demo.wait()
        os.close(master)
