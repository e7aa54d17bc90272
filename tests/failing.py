"""Where a flow can break: the transport, the answers, the store, the signer, each at its nth use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from fapikit import HttpSettings, MemoryStore
from fapikit.errors import StoreUnavailable

Answer = tuple[int, dict[str, str], bytes]


class Peer(Protocol):
    """Who answers: a bank, or an issuer."""

    def respond(self, method: str, url: str, headers: Any, body: bytes) -> Answer: ...


class AppError(Exception):
    """What an application's own store or KMS raises, and no rule of ours foresees."""


@dataclass
class Nth:
    """Counts uses, once armed; the one that is meant fails."""

    at: int = 0
    used: int = 0

    def arm(self, at: int) -> None:
        self.at, self.used = at, 0

    def is_now(self) -> bool:
        self.used += 1
        return self.used == self.at


class HalfABody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The connection breaks when most of the answer is there."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body[:-1]
        raise httpx.ReadError("broken off")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


def _json(change: Callable[[dict[str, Any]], Any]) -> Callable[[Answer], Answer]:
    def changed(answer: Answer) -> Answer:
        status, headers, body = answer
        try:
            members = json.loads(body)
        except ValueError:
            return status, headers, body + b"{"
        return status, headers, json.dumps(change(members)).encode()

    return changed


ANSWERS: dict[str, Callable[[Answer], Answer]] = {
    "more after the end": lambda answer: (*answer[:2], answer[2] + b"}"),
    "cut short": lambda answer: (*answer[:2], answer[2][:-1]),
    "no UTF-8": lambda answer: (*answer[:2], answer[2][:-1] + b"\xff}"),
    "an array": _json(lambda members: [members]),
    "other types": _json(lambda members: {name: [value] for name, value in members.items()}),
    "another token type": _json(lambda members: {**members, "token_type": "mac"}),
    "a number as text": _json(lambda members: {**members, "expires_in": "soon", "exp": "soon"}),
    "a server's error": lambda answer: (500, *answer[1:]),
    "a refusal": lambda answer: (400, answer[1], b'{"error": "invalid_grant", "error_description": "no"}'),
    "an odd status": lambda answer: (299, *answer[1:]),
    "busy": lambda answer: (503, *answer[1:]),
    "a member twice": lambda answer: (*answer[:2], answer[2].replace(b"{", b'{"access_token": "x", ', 1)),
}
"""What comes of an honest answer."""


class FailingHttp:
    """The way to a peer, which breaks at its nth use in the way that `how` names."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.nth = Nth()
        self.how = "connect"

    def answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        if self.nth.is_now() and self.how == "connect":
            raise httpx.ConnectError("nobody there", request=request)
        broken = self.nth.used == self.nth.at
        if broken and self.how == "a fault of ours":
            raise AppError("the library broke")
        answer = self._peer.respond(request.method, str(request.url), request.headers.multi_items(), body)
        if broken and self.how in ANSWERS:
            answer = ANSWERS[self.how](answer)
        status, headers, octets = answer
        if broken and self.how == "half a body":
            return httpx.Response(status, headers=headers, stream=HalfABody(octets))
        return httpx.Response(status, headers=headers, content=octets)

    def settings(self) -> HttpSettings:
        outer = self

        class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                return outer.answer(request, request.read())

            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                return outer.answer(request, await request.aread())

        transport = Transport()
        return HttpSettings(
            client=httpx.Client(transport=transport), async_client=httpx.AsyncClient(transport=transport)
        )


HTTP_FAILURES = ("connect", "half a body", "a fault of ours", *ANSWERS)


class FailingStore:
    """A store whose nth operation fails."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner
        self.nth = Nth()
        self.error: type[Exception] = StoreUnavailable

    def _do(self, operation: str, *arguments: Any) -> Any:
        if self.nth.is_now():
            raise self.error("the store is gone")
        return getattr(self._inner, operation)(*arguments)

    def get(self, key: str) -> Any:
        return self._do("get", key)

    def put(self, key: str, value: bytes, ttl: float) -> Any:
        return self._do("put", key, value, ttl)

    def take(self, key: str) -> Any:
        return self._do("take", key)

    def add(self, key: str, value: bytes, ttl: float) -> Any:
        return self._do("add", key, value, ttl)

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> Any:
        return self._do("swap", key, expected, new, ttl)

    async def aget(self, key: str) -> Any:
        return self.get(key)

    async def aput(self, key: str, value: bytes, ttl: float) -> Any:
        return self.put(key, value, ttl)

    async def atake(self, key: str) -> Any:
        return self.take(key)

    async def aadd(self, key: str, value: bytes, ttl: float) -> Any:
        return self.add(key, value, ttl)

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> Any:
        return self.swap(key, expected, new, ttl)


class FailingSigner:
    """A key in a KMS whose nth signature fails."""

    local = False

    def __init__(self, key: Any) -> None:
        self._key = key
        self.nth = Nth()
        self.alg, self.kid, self.public_jwk = key.alg, key.kid, key.public_jwk

    def sign(self, signing_input: bytes) -> bytes:
        if self.nth.is_now():
            raise AppError("the KMS does not answer")
        return self._key.sign(signing_input)  # type: ignore[no-any-return]
