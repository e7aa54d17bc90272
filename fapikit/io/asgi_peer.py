"""Who connected, in an ASGI scope: the peer of the socket, and not what a header says of it.

Servers may write an address from `X-Forwarded-For` or `Forwarded` over the peer's own (uvicorn by default for loopback,
with `--forwarded-allow-ips='*'` for everybody; hypercorn's ProxyFix). Who sends a header would then choose its address.

Spec: RFC 9440 4; RFC 8705 6.5
Role: AS, RS
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any, Final

UNKNOWN: Final = "unknown"
"""No address, so that no network holds it; and no unix socket."""
ADDRESS_FIELDS: Final = frozenset({b"x-forwarded-for", b"forwarded"})
"""Where a header names the client of a proxy."""


def peer_of(
    scope: MutableMapping[str, Any], headers: Iterable[tuple[bytes, bytes]] | None = None
) -> str | None:
    """The address of who connected, None through a unix socket, `UNKNOWN` where a header may have named it.

    `headers`: those of `ADDRESS_FIELDS`, and perhaps others; None: all of the scope.
    """
    client = scope.get("client")
    if not client:
        server = scope.get("server")
        # A peer that has hung up has no address any more, and came through no unix socket for that.
        return UNKNOWN if server and server[1] is not None else None
    host: str = client[0]
    port = client[1]
    if not port:  # no socket has port 0
        return UNKNOWN
    for name, value in scope["headers"] if headers is None else headers:
        # A proxy tells of its client, and never of itself with the port of this very connection.
        if name in ADDRESS_FIELDS and f"{host}:{port}" in str(value, "latin-1").replace("[", "").replace(
            "]", ""
        ):
            return UNKNOWN
    return host
