"""askit under FAPI 1.0 Advanced on a socket, over TLS that asks for client certificates, with its faults."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import CLIENT_ID, REDIRECT_URI, RunningServer
from fapikit import HttpSettings, PrivateKeyJWT
from tests.keys import a_key
from tests.mothers.certificates import a_certificate, an_authority, as_client_certificate, usage
from tests.mothers.certified_askit import certified_askit
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
    now, clock = time.time(), MovableClock()
    of_clients = an_authority("Clients", now=now, serial=1001)
    mine = a_certificate(issuer=of_clients, now=now, serial=7, key_usage=usage(digital_signature=True))
    with certified_askit(
        folder,
        FaultyServer,
        client_ca=of_clients,
        clients=[_client(encryption_key)],
        clock=clock,
        profile="fapi1-advanced",
    ) as server:
        http = HttpSettings(ca=server.ca, client_certificate=as_client_certificate(mine))
        yield AdvancedAskit(server, clock, http)


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
