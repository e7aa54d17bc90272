"""How many connections this process can hold, because the operating system limits its open files.

A process without free file descriptors cannot even accept a connection to close it, and logs that again and again.

Role: AS
"""

from __future__ import annotations

import logging
from typing import Final

from askit.config.limits import Limits
from askit.serving.server import ACCEPTED_AT_ONCE, TURNS

_OTHERS: Final = 64
"""Descriptors for the files of the store, and for connections to clients whose keys are fetched."""

log = logging.getLogger("askit")


def connections_to_hold(limits: Limits) -> int:
    """`limits.connections`, or fewer if this process may not open as many files."""
    room = max(_open_files() - TURNS * ACCEPTED_AT_ONCE - _OTHERS, 1)
    if room < limits.connections:
        log.warning(
            "limits.connections = %d, but the limit of open files allows only %d: raise it with `ulimit -n`",
            limits.connections,
            room,
        )
    return min(room, limits.connections)


def _open_files() -> int:
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return 1 << 20
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
