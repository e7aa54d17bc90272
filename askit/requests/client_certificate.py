"""The client certificate of a request: from the TLS handshake, or from the header of a TLS-terminating proxy.

Spec: RFC 8705 2, 6.5; RFC 9440 4a
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.core import Core
from fapikit.certificates import ClientCertificate
from fapikit.io.asgi_peer import peer_of
from fapikit.io.asgi_tls import shown_chain


def client_certificate(core: Core, request: Request) -> ClientCertificate | None:
    """None if the client has presented none. Raises CertificateHeaderRefused.

    If somebody else than the proxy sent the header, the log says so: its network may be missing in the settings.
    """
    shown = shown_chain(request.scope)
    direct = ClientCertificate.from_der(shown[0], chain=shown[1:]) if shown else None
    header = core.config.client_certificates
    if header is None:
        return direct
    names = header.names
    sent = [(name, value) for name, value in request.headers.items() if name in names]
    peer = peer_of(request.scope)
    if sent and not header.trusts(sent, peer=peer):
        core.log.info(
            "%s of %s is ignored: [client_certificates] does not trust this sender as the proxy",
            sent[0][0],
            peer or "a unix socket",
        )
    return header.read(sent, peer=peer, direct=direct is not None).certificate or direct
