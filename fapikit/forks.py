"""What an object must do in a forked child process: drop the locks, sockets and running work of the parent.

No thread of the parent runs in the child. So a lock that was held at the fork would never be released there.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """An object with state that is valid only in the process that made it."""

    def after_fork(self) -> None:
        """Drop that state. It runs in the child, in its only thread, before any other code."""
        ...


_aware: WeakSet[ForkAware] = WeakSet()


def reset_after_fork(subject: ForkAware) -> None:
    """Call `subject.after_fork()` in every child process that is forked from now on."""
    _aware.add(subject)


def _in_child() -> None:
    for subject in list(_aware):
        subject.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_in_child)
