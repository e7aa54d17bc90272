"""uvicorn protocols that add the client's certificate to the scope (ASGI TLS extension); uvicorn itself does not.

    def tls(_config, _default):
        context = fapikit.server_context(certificate_file, key_file)
        fapikit.ask_for_client_certificates(context, fapikit.read_certificates(client_certificates_file))
        return context

    config = uvicorn.Config(app, ssl_context_factory=tls, http="asgi_mw.uvicorn_tls:HttpProtocol",
                            ws="asgi_mw.uvicorn_tls:WebSocketProtocol", ...)

With uvicorn's own `ssl_cert_reqs=ssl.CERT_OPTIONAL, ssl_ca_certs=...`, no client of a self-signed certificate connects.
Only a TLS handshake of this connection sets it. Behind a proxy that terminates TLS there is no certificate.

Spec: RFC 8705 3b
Role: RS
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from fapikit.io.asgi_tls import with_tls_extension


class HttpProtocol(H11Protocol):
    """uvicorn's own protocol over h11, with the certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = with_tls_extension(self.app, transport)


def __getattr__(name: str) -> object:
    """`WebSocketProtocol` at its first use, because an API without WebSockets does not install websockets."""
    if name == "WebSocketProtocol":
        from asgi_mw.uvicorn_tls_websockets import WebSocketProtocol

        return WebSocketProtocol
    raise AttributeError(name)
