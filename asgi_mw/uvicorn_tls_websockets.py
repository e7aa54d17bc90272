"""The WebSocket protocol of `asgi_mw.uvicorn_tls`, which takes it from here where websockets is installed.

Spec: RFC 8705 3b
Role: RS
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fapikit.io.asgi_tls import with_tls_extension


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own protocol over websockets, with the certificate."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app = with_tls_extension(self.app, transport)
