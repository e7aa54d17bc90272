"""Files that only their owner may read, written at once or not at all.

Spec: RFC 6749 10.3, 10.4
Role: RP, AS
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path

from fapikit_cli.failing import WrongUsage


def write_private(path: Path, octets: bytes) -> None:
    """Replace the file. It has the mode 0600 from its first octet on, and no reader ever sees a half of it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_private(path: Path, what: str) -> bytes:
    """`what`: its name for people, such as "the token file". Raises WrongUsage if others may read it; OSError."""
    octets = path.read_bytes()
    mode = stat.S_IMODE(path.stat().st_mode)
    if sys.platform != "win32" and mode & 0o077:
        raise WrongUsage(
            f"{what} {path} has the mode {mode:04o}: other users of this machine may read it",
            f"chmod 600 {path}, and think about whether somebody has read it",
        )
    return octets
