"""The one way to read and to write a file with a secret: only its owner may read it.

Spec: RFC 6749 10.3, 10.4
Role: RP, AS
"""

from __future__ import annotations

import os
import secrets
import shlex
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


def read_private(path: Path, what: str, *, most: int = -1) -> bytes:
    """At most `most` octets of the file. `what`: its name for people, such as "the token file".

    Raises WrongUsage if other users may read it; OSError. A pipe, such as bash makes of `<(...)`, has no such readers.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno()).st_mode
        if sys.platform != "win32" and stat.S_ISREG(found) and found & 0o077:
            raise WrongUsage(
                f"{what} is in {path}, which has the mode {stat.S_IMODE(found):04o}:"
                " other users of this machine may read it. It was not used",
                f"chmod 600 {shlex.quote(str(path))}, and think about whether somebody has read it",
            )
        return file.read(most)
