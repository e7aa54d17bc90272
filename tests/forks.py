"""What a forked child of the test process finds."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable


def in_child(check: Callable[[], bool]) -> bool:
    """Whether `check` holds in a forked child, within ten seconds."""
    parent, child = multiprocessing.Pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads: the point here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            child.send(check())
        except BaseException as error:
            child.send(repr(error))
        finally:
            os._exit(0)
    held = parent.recv() if parent.poll(10) else "no answer"
    os.waitpid(pid, 0)
    assert held is True, held
    return True
