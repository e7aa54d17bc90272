"""The client certificate in an ASGI scope, in the ASGI TLS extension: written after the handshake, read by the check.

uvicorn, hypercorn and granian do not write it. It has only the certificate of this connection. Behind a proxy that ends
TLS it is empty.

Spec: RFC 8705 2, 3b
Role: AS, RS
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Final, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Scope, Any, Any], Awaitable[None]]

_VERSIONS: Final = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class _WithTlsExtension:
    """`app` with the TLS extension of one connection in every scope."""

    def __init__(self, app: App, extension: dict[str, Any]) -> None:
        self._app = app
        self._extension = extension

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), "tls": self._extension}
        await self._app(scope, receive, send)


def with_tls_extension(app: App, transport: asyncio.BaseTransport) -> App:
    """`app` for the requests of this connection alone. Without TLS it is returned as it is."""
    tls = transport.get_extra_info("ssl_object")
    return app if tls is None else _WithTlsExtension(app, _extension(tls))


def shown_chain(scope: Scope) -> tuple[bytes, ...]:
    """The certificates that the client sent, in DER, its own first; empty if it sent none.

    The chain ends at the first item that is not a certificate.
    """
    return tuple(_shown(scope))


def shown_certificate(scope: Scope) -> bytes | None:
    """The client's own certificate, in DER; None if it sent none."""
    return next(_shown(scope), None)


def _shown(scope: Scope) -> Iterator[bytes]:
    extension = (scope.get("extensions") or {}).get("tls") or {}
    for pem in extension.get("client_cert_chain") or ():
        try:
            yield _der(pem)
        except binascii.Error:
            return


def _extension(tls: ssl.SSLObject) -> dict[str, Any]:
    return {
        "server_cert": None,
        "client_cert_chain": tuple(map(ssl.DER_cert_to_PEM_cert, _chain(tls))),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(tls.version() or ""),
        "cipher_suite": None,
    }


def _chain(tls: ssl.SSLObject) -> list[bytes]:
    """The chain as the client sent it. Before Python 3.13, only the inner object has the other certificates."""
    leaf = tls.getpeercert(binary_form=True)
    if not leaf:
        return []
    inner: Any = getattr(tls, "_sslobj", tls)
    sent = inner.get_unverified_chain() if hasattr(inner, "get_unverified_chain") else None
    further = [each if isinstance(each, bytes) else _from_pem(each) for each in sent or ()]
    return [leaf, *(der for der in further if der != leaf)]


def _from_pem(certificate: Any) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.public_bytes())


def _der(pem: str) -> bytes:
    """Raises binascii.Error."""
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    return base64.b64decode(body, validate=True)
