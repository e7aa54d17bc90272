"""An API's answer ends with an error once it is too long, however it arrives and before anybody has read it.

Role: C
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fapikit.errors import ResponseTooLarge

PLAIN: Final = "identity"


def cap_answer(response: Any, capped: Any, limit: int) -> None:
    """Count the octets of every answer, those of refusals before a retry included. Raises ResponseTooLarge.

    `capped`: the class of `capped_streams` that fits.
    """
    asked = response.request.headers.get("accept-encoding", PLAIN)
    if asked == PLAIN and response.headers.get("content-encoding", PLAIN).lower() != PLAIN:
        # What is counted is what arrives; unpacked it may be a thousand times as much.
        raise ResponseTooLarge("the API compressed an answer unasked, which no limit could bound")
    if response.is_stream_consumed:  # it came whole
        _counted(0, response.content, limit)
    else:
        response.stream = capped(response.stream, limit)


@lru_cache(maxsize=4)
def capped_streams(library: Any) -> tuple[Any, Any]:
    """The bodies of this library's answers, sync and async, that end with ResponseTooLarge past a limit."""

    class CappedStream(library.SyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, limit: int) -> None:
            self._inner, self._limit = inner, limit

        def __iter__(self) -> Any:
            size = 0
            for chunk in self._inner:
                size = _counted(size, chunk, self._limit)
                yield chunk

        def close(self) -> None:
            self._inner.close()

    class AsyncCappedStream(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, limit: int) -> None:
            self._inner, self._limit = inner, limit

        async def __aiter__(self) -> Any:
            size = 0
            async for chunk in self._inner:
                size = _counted(size, chunk, self._limit)
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    return CappedStream, AsyncCappedStream


def _counted(size: int, chunk: bytes, limit: int) -> int:
    size += len(chunk)
    if size > limit:
        raise ResponseTooLarge(f"the API sent more than {limit} octets", facts={"limit": limit})
    return size
