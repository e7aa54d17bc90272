"""askit under FAPI 1.0 Advanced on a socket, over TLS that asks for client certificates, with its faults."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from askit import Config
from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.hosts import Host
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import CLIENT_ID, DEFAULTS, REDIRECT_URI, RunningServer
from fapikit import HttpSettings, PrivateKeyJWT
from tests.keys import a_key
from tests.mothers.certificates import a_certificate, an_authority, as_client_certificate, usage
from tests.mothers.clients import CLIENT_KEY
from tests.mothers.faulty_askit import AskitBank


class AdvancedAskit(AskitBank):
    """Its front-channel ID token and the one of the token endpoint have one fault: the former comes first."""

    def __init__(self, server: RunningServer[FaultyServer], clock: MovableClock, http: HttpSettings) -> None:
        super().__init__(server, clock)
        self._http = http

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "http": self._http, "auth": PrivateKeyJWT(a_key(*CLIENT_KEY))}


@contextmanager
def advanced_askit(folder: Path, *, encryption_key: Any = None) -> Iterator[AdvancedAskit]:
    """`encryption_key`: a public JWK; then ID tokens are encrypted with it."""
    now, clock, host = time.time(), MovableClock(), Host()
    of_servers, of_clients = an_authority("Servers", now=now), an_authority("Clients", now=now, serial=1001)
    own = a_certificate(
        issuer=of_servers,
        now=now,
        key=rsa.generate_private_key(65537, 2048),
        extended=(ExtendedKeyUsageOID.SERVER_AUTH,),
        names=[x509.DNSName("localhost")],
    )
    mine = a_certificate(issuer=of_clients, now=now, serial=7, key_usage=usage(digital_signature=True))
    files = {
        "certificate": ("server.pem", own.pem),
        "key": ("server.key", own.key_pem),
        "client_ca": ("clients.pem", of_clients.pem),
        "ca": ("servers.pem", of_servers.pem),
    }
    for name, text in files.values():
        (folder / name).write_text(text)
    paths = {what: str(folder / name) for what, (name, _) in files.items()}
    ca = Path(paths.pop("ca"))
    config = Config.from_mapping(
        {
            "issuer": f"https://localhost:{host.port}",
            "listen": f"127.0.0.1:{host.port}",
            **DEFAULTS,
            "profile": "fapi1-advanced",
            "tls": paths,
            "clients": [_client(encryption_key)],
            "resources": [{"uri": "https://api.example.test/", "scopes": ["accounts", "payments"]}],
        }
    )
    app = FaultyServer(config, clock=clock)
    key = a_key(*CLIENT_KEY)
    http = HttpSettings(ca=str(ca), client_certificate=as_client_certificate(mine))
    try:
        with host.inhabited(app):
            yield AdvancedAskit(RunningServer(app, host, ca=ca, client_key=key, api_key=key), clock, http)
    finally:
        host.close()


def _client(encryption_key: Any) -> dict[str, Any]:
    keys = [dict(a_key(*CLIENT_KEY).public_jwk)]
    encryption = {}
    if encryption_key is not None:
        keys.append(dict(encryption_key))
        encryption = {
            "id_token_encrypted_response_alg": encryption_key["alg"],
            "id_token_encrypted_response_enc": "A256GCM",
        }
    return {
        "client_id": CLIENT_ID,
        "client_name": "Test Client",
        "redirect_uris": [REDIRECT_URI],
        "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "authorization_signed_response_alg": "ES256",
        "request_object_signing_alg": "ES256",
        "tls_client_certificate_bound_access_tokens": True,
        "jwks": {"keys": keys},
        **encryption,
    }
