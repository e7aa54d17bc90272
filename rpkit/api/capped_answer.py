"""An API's answer ends with an error once it is too long, however it arrives and before anybody has read it.

What the API compressed although nobody asked is unpacked within the same limit. The error hands over the answer as far
as it came (`outcome`, a response of the library): an executed payment is known by its status.

Spec: RFC 9110 8.4.1, 12.5.3
Role: C
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fapikit.errors import ResponseTooLarge
from fapikit.io.unpack import CODINGS, Overlong, Unpacker
from fapikit.members import LOG
from fapikit.urls import without_query

PLAIN: Final = "identity"


def cap_answer(response: Any, capped: Any, limit: int) -> None:
    """Count the octets of every answer, those of refusals before a retry included. Raises ResponseTooLarge.

    `capped`: the class of `capped_streams` that fits.
    """
    body = Cap(response, limit)
    if response.is_stream_consumed:  # it came whole
        body.count(response.content)
    else:
        response.stream = capped(response.stream, body)


class Cap:
    """What may pass of one answer's body: `count` gives the octets on, unpacked where the API packed them unasked."""

    def __init__(self, response: Any, limit: int) -> None:
        self._response, self._limit, self._size = response, limit, 0
        self._unpacker: Unpacker | None = None
        self._unbounded = ""
        asked = response.request.headers.get("accept-encoding", PLAIN)
        coding = response.headers.get("content-encoding", PLAIN).strip().lower()
        if asked != PLAIN or coding == PLAIN or response.is_stream_consumed:
            return
        where = without_query(str(response.request.url))
        if coding not in CODINGS:
            # What is counted is what arrives; unpacked by the library it may be a thousand times as much.
            self._unbounded = (
                f"{where} compressed an answer ({coding[:20]}) unasked, which no limit could bound"
            )
            return
        LOG.info("%s: compressed (%s), which was not asked for [RFC 9110 12.5.3]", where, coding)
        self._unpacker = Unpacker(limit)
        del response.headers["content-encoding"]  # the library would unpack it again

    def count(self, chunk: bytes) -> bytes:
        """Raises ResponseTooLarge."""
        if self._unbounded and chunk:
            raise self._too_large(self._unbounded)
        if self._unpacker is None:
            self._size += len(chunk)
            if self._size > self._limit:
                raise self._too_large(f"the API sent more than {self._limit} octets")
            return chunk
        try:
            return self._unpacker.feed(chunk)
        except Overlong:
            raise self._too_large(f"the API sent more than {self._limit} octets") from None
        except ValueError as error:
            raise self._too_large(
                "the API sent an answer that is not compressed as its header says"
            ) from error

    def _too_large(self, message: str) -> ResponseTooLarge:
        error = ResponseTooLarge(message, facts={"limit": self._limit, "status": self._response.status_code})
        error.outcome = self._response
        return error


@lru_cache(maxsize=4)
def capped_streams(library: Any) -> tuple[Any, Any]:
    """The bodies of this library's answers, sync and async, that end with ResponseTooLarge past a limit."""

    class CappedStream(library.SyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, cap: Cap) -> None:
            self._inner, self._cap = inner, cap

        def __iter__(self) -> Any:
            for chunk in self._inner:
                yield self._cap.count(chunk)

        def close(self) -> None:
            self._inner.close()

    class AsyncCappedStream(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, cap: Cap) -> None:
            self._inner, self._cap = inner, cap

        async def __aiter__(self) -> Any:
            async for chunk in self._inner:
                yield self._cap.count(chunk)

        async def aclose(self) -> None:
            await self._inner.aclose()

    return CappedStream, AsyncCappedStream
