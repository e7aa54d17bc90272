"""askit on a socket, over TLS that asks for client certificates."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from askit import AuthorizationServer, Config
from askit.pytest_plugin.hosts import Host
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import DEFAULTS, RESOURCE, RunningServer
from tests.keys import a_key
from tests.mothers.certificates import Made, a_certificate, an_authority
from tests.mothers.clients import CLIENT_KEY

S = TypeVar("S", bound=AuthorizationServer)


@contextmanager
def certified_askit(
    folder: Path,
    kind: type[S],
    *,
    client_ca: Made,
    clients: Sequence[Mapping[str, Any]],
    clock: MovableClock,
    **settings: Any,
) -> Iterator[RunningServer[S]]:
    """`ca` of the server is a file that clients trust. `settings`: further ones of the configuration file."""
    now, host = time.time(), Host()
    of_servers = an_authority("Servers", now=now)
    own = a_certificate(
        issuer=of_servers,
        now=now,
        key=rsa.generate_private_key(65537, 2048),
        extended=(ExtendedKeyUsageOID.SERVER_AUTH,),
        names=[x509.DNSName("localhost")],
    )
    texts = {"certificate": own.pem, "key": own.key_pem, "client_ca": client_ca.pem}
    for name, text in texts.items():
        (folder / f"{name}.pem").write_text(text)
    ca = folder / "servers.pem"
    ca.write_text(of_servers.pem)
    config = Config.from_mapping(
        {
            **DEFAULTS,
            "issuer": f"https://localhost:{host.port}",
            "listen": f"127.0.0.1:{host.port}",
            "tls": {name: str(folder / f"{name}.pem") for name in texts},
            "clients": [dict(client) for client in clients],
            "resources": [{"uri": RESOURCE, "scopes": ["accounts", "payments"]}],
            **settings,
        }
    )
    app, key = kind(config, clock=clock), a_key(*CLIENT_KEY)
    try:
        with host.inhabited(app):
            yield RunningServer(app, host, ca=ca, client_key=key, api_key=key)
    finally:
        host.close()
