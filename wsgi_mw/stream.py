"""Ends a stream under WSGI or Django between two chunks: an application that waits cannot be interrupted.

Spec: FAPI2-SP 5.3.4-3 (RS-19)
Role: RS
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from rskit.policy.checked_request import CheckedRequest
from rskit.policy.current import ain_turns, in_turns
from rskit.policy.stream import StreamWatch


def watch_of(checked: CheckedRequest) -> StreamWatch | None:
    """The watch of this request's stream; None on a public route without a token."""
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
