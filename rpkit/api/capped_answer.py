"""A limit for the response of an API. Past the limit, reading the response raises an error.

A response that the API compressed without being asked is decompressed within the same limit. `outcome` of the error is
the response of the library, as far as it came. Its status says whether a payment was executed.

Spec: RFC 9110 8.4.1, 12.5.3
Role: C
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fapikit.errors import MalformedMessage, ResponseTooLarge
from fapikit.io.unpack import CODINGS, GZIP, Overlong, Unpacker
from fapikit.members import LOG
from fapikit.urls import without_query

PLAIN: Final = "identity"


def cap_answer(response: Any, capped: Any, limit: int) -> None:
    """Count the octets of a response; also of a refusal that leads to a retry. Raises ResponseTooLarge.

    `capped`: the sync or the async class of `capped_streams`.
    """
    body = Cap(response, limit)
    if response.is_stream_consumed:  # the whole body is there
        body.count(response.content)
    else:
        response.stream = capped(response.stream, body)


class Cap:
    """The limit of one response body. `count` returns its octets, decompressed if compression was not asked for."""

    def __init__(self, response: Any, limit: int) -> None:
        self._response, self._limit, self._size = response, limit, 0
        self._unpacker: Unpacker | None = None
        self._unbounded = ""
        asked = response.request.headers.get("accept-encoding", PLAIN)
        coding = _coding(response.headers.get("content-encoding", ""))
        if asked != PLAIN or coding == PLAIN or response.is_stream_consumed:
            return
        self._coding, self._where = coding, without_query(str(response.request.url))
        if coding not in CODINGS:
            # Only the octets on the wire are counted. The library could decompress them to a thousand times as many.
            self._unbounded = (
                f"{self._where} compressed a response ({coding[:20]}) without being asked, and no limit can be held for"
                " this coding: ask the API for accept-encoding: identity, gzip or deflate"
            )
            return
        LOG.info("%s: compressed (%s) without being asked [RFC 9110 12.5.3]", self._where, coding)
        self._unpacker, self._begun = Unpacker(limit), False
        del response.headers["content-encoding"]  # the library would unpack it again

    def count(self, chunk: bytes) -> bytes:
        """Raises ResponseTooLarge, MalformedMessage."""
        if self._unbounded and chunk:
            raise self._too_large(self._unbounded)
        if self._unpacker is not None and not self._begun and chunk:
            self._begun = True
            if self._coding != "deflate" and not GZIP.startswith(chunk[:2]):
                LOG.info("%s: not compressed, though it says so [RFC 9110 8.4.1]", self._where)
                self._unpacker = None
        if self._unpacker is None:
            self._size += len(chunk)
            if self._size > self._limit:
                raise self._too_large(self._over_limit)
            return chunk
        try:
            return self._unpacker.feed(chunk)
        except Overlong:
            raise self._too_large(self._over_limit) from None
        except ValueError as error:
            raise self._malformed(error) from error

    def end(self) -> None:
        """Raises MalformedMessage for a compressed body that is cut short: it could look like a whole one."""
        if self._unpacker is not None:
            try:
                self._unpacker.require_end()
            except ValueError as error:
                raise self._malformed(error) from error

    @property
    def _over_limit(self) -> str:
        return f"the API sent more than {self._limit} octets: if that is right, raise max_bytes of api()"

    def _malformed(self, why: ValueError) -> MalformedMessage:
        error = MalformedMessage(
            f"the body of the response is not compressed as its content-encoding says: {why}",
            clause="RFC 9110 8.4.1",
            facts={"status": self._response.status_code},
        )
        error.outcome = self._response
        return error

    def _too_large(self, message: str) -> ResponseTooLarge:
        error = ResponseTooLarge(message, facts={"limit": self._limit, "status": self._response.status_code})
        error.outcome = self._response
        return error


def _coding(field: str) -> str:
    """The codings of a body without "identity", which changes nothing (RFC 9110 12.5.3)."""
    codings = (coding.strip().lower() for coding in field.split(","))
    return ", ".join(coding for coding in codings if coding not in ("", PLAIN)) or PLAIN


@lru_cache(maxsize=4)
def capped_streams(library: Any) -> tuple[Any, Any]:
    """Subclasses of the library's sync and async response streams. They raise ResponseTooLarge past the limit."""

    class CappedStream(library.SyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, cap: Cap) -> None:
            self._inner, self._cap = inner, cap

        def __iter__(self) -> Any:
            for chunk in self._inner:
                yield self._cap.count(chunk)
            self._cap.end()

        def close(self) -> None:
            self._inner.close()

    class AsyncCappedStream(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, cap: Cap) -> None:
            self._inner, self._cap = inner, cap

        async def __aiter__(self) -> Any:
            async for chunk in self._inner:
                yield self._cap.count(chunk)
            self._cap.end()

        async def aclose(self) -> None:
            await self._inner.aclose()

    return CappedStream, AsyncCappedStream
