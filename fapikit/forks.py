"""What an object must do in a forked child: throw away locks, sockets and work that belong to the parent.

No thread of the parent lives on in the child, so a lock that was held at the fork would never be released.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """What holds something of the process that made it."""

    def after_fork(self) -> None:
        """Runs in the child, in its only thread, before anything else."""
        ...


_aware: WeakSet[ForkAware] = WeakSet()


def reset_after_fork(subject: ForkAware) -> None:
    """Have `subject.after_fork()` run in every child forked from now on."""
    _aware.add(subject)


def _in_child() -> None:
    for subject in list(_aware):
        subject.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_in_child)
