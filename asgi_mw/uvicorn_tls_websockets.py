"""The WebSocket protocol of `asgi_mw.uvicorn_tls`, which takes it from here where websockets is installed.

Spec: RFC 8705 3b
Role: RS
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fapikit.io.asgi_tls import with_tls_extension


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own protocol over websockets, with the certificate.

    It takes a denial for an answer: uvicorn logs an error for it, because a TLS connection is not closed at once.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app = with_tls_extension(self.app, transport)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
