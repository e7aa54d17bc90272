"""The limits of a request before an endpoint reads it: the size of its head, the size and the time of its body.

They apply wherever this server runs: alone, or mounted into another ASGI server without limits.

Spec: RFC 6585 5; RFC 9110 15.5.9, 15.5.14; RFC 9126 2.3
Role: AS
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope

from askit.config.limits import Limits
from askit.errors import HeadTooLarge, TooLarge, TooSlow


def require_small_head(scope: Scope, limits: Limits) -> None:
    """Raises HeadTooLarge for a target or headers that are too long, TooLarge for a too large Content-Length."""
    headers = scope["headers"]
    target = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
    octets = target + sum(len(name) + len(value) for name, value in headers)
    if octets > limits.header_octets or len(headers) > limits.headers:
        raise HeadTooLarge(
            "the target and the headers of this request are too long, or there are too many headers",
            facts={"octets": octets, "limit": limits.header_octets, "headers": len(headers)},
        )
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limits.body_octets:
            raise _body_too_large(limits)


def bounded(receive: Receive, limits: Limits) -> Receive:
    """A `receive` that raises TooLarge after too many octets, and TooSlow too many seconds after its first call."""
    until: float | None = None
    octets = 0
    whole = False

    async def receive_within_bounds() -> Message:
        nonlocal until, octets, whole
        if whole:
            return await receive()
        until = until or asyncio.get_running_loop().time() + limits.body_seconds
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError as error:
            raise TooSlow("the body took too long to arrive", facts={"limit": limits.body_seconds}) from error
        octets += len(message.get("body", b""))
        if octets > limits.body_octets:
            raise _body_too_large(limits)
        whole = not message.get("more_body", False)
        return message

    return receive_within_bounds


def _body_too_large(limits: Limits) -> TooLarge:
    return TooLarge(
        f"the body has more than {limits.body_octets} octets", facts={"limit": limits.body_octets}
    )
