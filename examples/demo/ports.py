"""The ports of the parties: the usual ones, or any free ones while another demo runs on this machine."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_USUAL = {"bank": 9443, "accounts": 9444, "payments": 9445, "fintech": 9446, "bank2": 9447}
PARTIES = tuple(_USUAL)


@contextmanager
def usual_ports() -> Iterator[Mapping[str, int]]:
    """The usual ports, for one demo at a time. A second demo gets none here, so it uses any free ports."""
    with Path(tempfile.gettempdir(), f"fapikit-demo-{os.getuid()}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield {}
        else:
            yield _USUAL


def free_port(wanted: int) -> int:
    """The wanted port, or any other one if it is in use."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on loopback")
