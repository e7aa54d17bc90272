"""Runs the real command in a process of its own, with pipes or on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = (sys.executable, "-c", "from fapikit_cli.main import main; main()")


def environment(**other: str) -> dict[str, str]:
    """That of this process, without what changes the looks of the output."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    return {**kept, "TERM": "xterm-256color", **other}


def run(
    *arguments: object,
    stdin: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """The command with its output in pipes."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(**(env or {})),
        timeout=timeout,
        check=False,
    )


def run_on_a_terminal(
    *arguments: object, typed: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit status, and what a person sees."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment(**(env or {})),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                octets = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not octets:
                break
            seen += octets
            if typed and seen.rstrip().endswith(
                b":"
            ):  # a question was asked: what is typed earlier is thrown away
                os.write(ours, typed.encode())
                typed = ""
        os.close(ours)
        status = process.wait(60)
    return status, seen.decode("utf-8", "replace")
