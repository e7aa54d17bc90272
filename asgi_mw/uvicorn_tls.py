"""uvicorn protocols that add the client's certificate to the scope (ASGI TLS extension); uvicorn itself does not.

    uvicorn.run(app, http="asgi_mw.uvicorn_tls:HttpProtocol", ws="asgi_mw.uvicorn_tls:WebSocketProtocol",
                ssl_cert_reqs=ssl.CERT_OPTIONAL, ssl_ca_certs=..., ...)

Only a TLS handshake of this connection sets it. Behind a proxy that terminates TLS there is no certificate.

Spec: RFC 8705 3b
Role: RS
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from asgi_mw.view import ASGIApp, Receive, Scope, Send

_VERSIONS: Final = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class _WithCertificate:
    """`app`, with one connection's extension added to every scope."""

    def __init__(self, app: ASGIApp, extension: dict[str, Any]) -> None:
        self._app = app
        self._extension = extension

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), "tls": self._extension}
        await self._app(scope, receive, send)


def tls_extension(transport: asyncio.BaseTransport) -> dict[str, Any] | None:
    """The extension's members for one connection, or None without TLS."""
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    leaf = tls.getpeercert(binary_form=True)
    return {
        "server_cert": None,
        "client_cert_chain": (ssl.DER_cert_to_PEM_cert(leaf),) if leaf else (),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(tls.version() or ""),
        "cipher_suite": None,
    }


class HttpProtocol(H11Protocol):
    """uvicorn's own protocol over h11, with the certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _wrap(self, transport)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own protocol over websockets, with the certificate."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        _wrap(self, transport)


def _wrap(protocol: Any, transport: asyncio.BaseTransport) -> None:
    extension = tls_extension(transport)
    if extension is not None:
        protocol.app = _WithCertificate(protocol.app, extension)
