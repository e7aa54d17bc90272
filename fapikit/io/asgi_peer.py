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
_FIELDS: Final = frozenset({b"x-forwarded-for", b"forwarded"})


def peer_of(scope: MutableMapping[str, Any]) -> str | None:
    """The address of who connected, None through a unix socket, `UNKNOWN` where a header may have named it."""
    client = scope.get("client")
    if not client:
        server = scope.get("server")
        # A peer that has hung up has no address any more, and came through no unix socket for that.
        return UNKNOWN if server and server[1] is not None else None
    host, port = client[0], client[1]
    return UNKNOWN if not port or _is_told(host, port, scope["headers"]) else host


def _is_told(host: str, port: int, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a header has this very address and port. A proxy tells of its client, and no socket has port 0."""
    for name, value in headers:
        if name in _FIELDS and f"{host}:{port}" in str(value, "latin-1").replace("[", "").replace("]", ""):
            return True
    return False
