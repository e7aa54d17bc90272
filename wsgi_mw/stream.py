"""A stream under WSGI or Django ends between two chunks: nobody can interrupt an application that waits.

Spec: FAPI2-SP 5.3.4-3 (RS-19)
Role: RS
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from rskit.policy.admission import Admission
from rskit.policy.current import ain_turns, in_turns
from rskit.policy.stream import StreamWatch


def watch_of(admission: Admission) -> StreamWatch | None:
    """What bounds the stream that this request's answer is; None for a public one."""
    return None if admission.token is None else admission.server.watch(admission.view, admission.token)


def goes_on(watch: StreamWatch | None, admission: Admission) -> bool:
    if admission.refusal is not None:
        return False
    if watch is None:
        return True
    if watch.over:
        return False
    return not watch.due or admission.server.sync_driver.run(watch.goes_on())


def bounded(chunks: Iterator[bytes], admission: Admission) -> Iterator[bytes]:
    watch = watch_of(admission)
    try:
        for chunk in in_turns(chunks, admission):
            if not goes_on(watch, admission):
                return
            yield chunk
    finally:
        admission.over = True


async def abounded(chunks: AsyncIterator[bytes], admission: Admission) -> AsyncIterator[bytes]:
    watch = watch_of(admission)
    try:
        async for chunk in ain_turns(chunks, admission):
            if admission.refusal is not None:
                return
            if watch is not None and not await admission.server.async_driver.run(watch.goes_on()):
                return
            yield chunk
    finally:
        admission.over = True
