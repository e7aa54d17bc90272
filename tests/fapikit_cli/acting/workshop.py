"""Runs commands in processes of their own that need not import everything again: each is forked from one that has.

A command that acts takes half a second of processor time to import what it needs, and these tests run many.

usage: python -m tests.fapikit_cli.acting.workshop SOCKET
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

MOST = 1024 * 1024


class Command:
    """A command that runs. Leaving the block ends it."""

    def __init__(
        self,
        at: Path,
        what: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: str,
        stderr: IO[str] | None,
    ) -> None:
        self.arguments = list(what)
        self._in, self._out = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._err = tempfile.TemporaryFile("w+") if stderr is None else stderr  # noqa: SIM115
        self._in.write(stdin)
        self._in.seek(0)
        self._at = socket.socket(socket.AF_UNIX)
        self._at.connect(str(at))
        asked = json.dumps({"what": self.arguments, "cwd": str(cwd), "env": dict(env)}).encode()
        files = [self._in.fileno(), self._out.fileno(), self._err.fileno()]
        socket.send_fds(self._at, [len(asked).to_bytes(4) + asked], files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._at, self._in, self._out, self._err):
            one.close()

    def finish(self, timeout: float = 60) -> tuple[int, str, str]:
        """Exit status, stdout, stderr (empty if the caller reads it)."""
        self._at.settimeout(timeout)
        status = self._at.recv(1)[0]
        self._out.seek(0)
        told = ""
        if not self._err.closed:
            self._err.seek(0)
            told = self._err.read()
        return status, self._out.read(), told


class Workshop:
    """`at` is the socket of the process from which commands are forked."""

    def __init__(self, folder: Path) -> None:
        self.at = folder / "workshop"
        arguments = [sys.executable, "-m", "tests.fapikit_cli.acting.workshop", str(self.at)]
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def run(
        self, *arguments: object, stdin: str = "", cwd: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        what = ["fapikit", *map(str, arguments)]
        with Command(self.at, what, cwd=cwd, env=env, stdin=stdin, stderr=None) as command:
            return subprocess.CompletedProcess(what, *command.finish())

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


def main(at: str) -> None:
    """The process that forks."""
    _import_all()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(at)
    listening.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        asker, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _watch(asker)
        asker.close()


def _import_all() -> None:
    import rpkit.native
    from fapikit_cli import api_call, attacking, connecting, main, registering, telling
    from tests.fapikit_cli.acting import browser

    _ = rpkit.native, api_call, attacking, connecting, main, registering, telling, browser


def _watch(asker: socket.socket) -> None:
    """Fork the command, tell its exit status, and end it if the asker goes away."""
    here, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    head, files, _, _ = socket.recv_fds(asker, MOST, 3)
    wanted, octets = int.from_bytes(head[:4]), head[4:]
    while len(octets) < wanted:
        octets += asker.recv(MOST)
    child = os.fork()
    if child == 0:
        _become(json.loads(octets), files)
    ready, _, _ = select.select([asker, here], [], [])
    if here not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if here in ready:
        asker.send(bytes([os.waitstatus_to_exitcode(status) % 256]))
    os._exit(0)


def _become(asked: dict[str, Any], files: list[int]) -> None:
    """Be the command."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for at, file in enumerate(files):
        os.dup2(file, at)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    status = 0
    try:
        sys.argv = asked["what"]
        if sys.argv[0] == "fapikit":
            from fapikit_cli.main import main as run
        else:
            from tests.fapikit_cli.acting.browser import run
        run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
