"""A stream under WSGI or Django ends between two chunks: nobody can interrupt an application that waits.

Spec: FAPI2-SP 5.3.4-3 (RS-19)
Role: RS
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from rskit.policy.checked_request import CheckedRequest
from rskit.policy.current import ain_turns, in_turns
from rskit.policy.stream import StreamWatch


def watch_of(checked: CheckedRequest) -> StreamWatch | None:
    """What bounds the stream that this request's answer is; None for a public one."""
    return None if checked.token is None else checked.server.watch(checked.view, checked.token)


def goes_on(watch: StreamWatch | None, checked: CheckedRequest) -> bool:
    if checked.refusal is not None:
        return False
    if watch is None:
        return True
    if watch.over:
        return False
    return not watch.due or checked.server.sync_driver.run(watch.goes_on())


def bounded(chunks: Iterator[bytes], checked: CheckedRequest) -> Iterator[bytes]:
    watch = watch_of(checked)
    try:
        for chunk in in_turns(chunks, checked):
            if not goes_on(watch, checked):
                return
            yield chunk
    finally:
        checked.over = True


async def abounded(chunks: AsyncIterator[bytes], checked: CheckedRequest) -> AsyncIterator[bytes]:
    watch = watch_of(checked)
    try:
        async for chunk in ain_turns(chunks, checked):
            if checked.refusal is not None:
                return
            if watch is not None and not await checked.server.async_driver.run(watch.goes_on()):
                return
            yield chunk
    finally:
        checked.over = True
