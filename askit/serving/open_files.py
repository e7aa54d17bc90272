"""How many connections this process can hold: the operating system bounds its open files.

Where it has no more of them it can not even accept a connection to close it, and says so in the log again and again.

Role: AS
"""

from __future__ import annotations

import logging
from typing import Final

from askit.config.limits import Limits
from askit.serving.server import ACCEPTED_AT_ONCE, TURNS

_OTHERS: Final = 64
"""Files of the store, and connections to clients for their keys."""

log = logging.getLogger("askit")


def connections_to_hold(limits: Limits) -> int:
    """`limits.connections`, or fewer where this process may not open as many files."""
    room = max(_open_files() - TURNS * ACCEPTED_AT_ONCE - _OTHERS, 1)
    if room < limits.connections:
        log.warning(
            "limits.connections = %d, but this process may open so few files that it holds %d: raise `ulimit -n`",
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
