"""Hashes the body of an API's response while it comes, before anything is unpacked: that is what Content-Digest is of.

Spec: RFC 9530 2
Role: C
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fapikit.http_signatures.content_digest import RunningDigest


def hash_answer(response: Any, hashed: Any) -> RunningDigest:
    """Hash the body as it comes, before anything is unpacked."""
    digest = RunningDigest()
    if response.is_stream_consumed:  # the whole body is there
        digest.update(response.content)
    else:
        response.stream = hashed(response.stream, digest)
    return digest


@lru_cache(maxsize=4)
def hashed_streams(library: Any) -> tuple[Any, Any]:
    """Subclasses of the library's sync and async response streams."""

    class HashedStream(library.SyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, digest: RunningDigest) -> None:
            self._inner, self._digest = inner, digest

        def __iter__(self) -> Any:
            for chunk in self._inner:
                self._digest.update(chunk)
                yield chunk

        def close(self) -> None:
            self._inner.close()

    class AsyncHashedStream(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, digest: RunningDigest) -> None:
            self._inner, self._digest = inner, digest

        async def __aiter__(self) -> Any:
            async for chunk in self._inner:
                self._digest.update(chunk)
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    return HashedStream, AsyncHashedStream
