"""What forked children of the test process find."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")


def in_children(count: int, work: Callable[[], T]) -> list[T]:
    """What `work` returns in each of so many forked children, all at once and within thirty seconds."""
    children = [_forked(work) for _ in range(count)]
    results: list[T] = []
    for pid, answer in children:
        assert answer.poll(30), "no answer from a child"
        result, error = answer.recv()
        os.waitpid(pid, 0)
        assert error is None, error
        results.append(result)
    return results


def in_child(check: Callable[[], bool]) -> bool:
    """Whether `check` holds in a forked child."""
    return in_children(1, check) == [True]


def _forked(work: Callable[[], object]) -> tuple[int, Connection]:
    parent, child = Pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads: the point here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            child.send((work(), None))
        except BaseException as error:
            child.send((None, repr(error)))
        finally:
            os._exit(0)
    return pid, parent
