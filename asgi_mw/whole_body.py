"""Reads the whole body of an ASGI request before the application does, and then gives it to the application.

For every check that needs the octets of the body: a signature over them, a digest, a body that is a signed JWT.

    body, receive = await read_whole_body(scope, receive, BodyBudget())
    ...                                        # judge the octets; the refusals of the budget are RequestRefused
    await app(scope, receive, send)            # or with_body(other_octets, receive), for another body

Role: RS
"""

from __future__ import annotations

import asyncio

from asgi_mw.view import Message, Receive, Scope, header_of
from rskit.policy.body_budget import BodyBudget, cut_short, declared_length


async def read_whole_body(scope: Scope, receive: Receive, budget: BodyBudget) -> tuple[bytes, Receive]:
    """The body, and a `receive` with which the application reads it once more. A websocket has no body.

    Raises BodyTooLarge (before anything is read if the length is announced), BodyTooSlow, BodyCutShort.
    """
    if scope["type"] == "websocket":
        return b"", receive
    budget.require(declared_length(header_of(scope, b"content-length")) or 0)
    try:
        async with asyncio.timeout(budget.seconds):
            body = await _read(receive, budget)
    except TimeoutError:
        raise budget.too_slow() from None
    return body, with_body(body, receive)


def with_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives this body first, and then what the server gives (a disconnect)."""
    given = False

    async def receive_body() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_body


async def _read(receive: Receive, budget: BodyBudget) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise cut_short()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        budget.require(size)
        if chunk:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
