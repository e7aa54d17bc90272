"""askit under fapi-ciba, with its faults, over TLS that asks for client certificates. Its user alice agrees at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import CLIENT_ID
from fapikit import HttpSettings
from tests.keys import a_key
from tests.mothers.advanced_askit import AdvancedAskit
from tests.mothers.certificates import a_certificate, an_authority, as_client_certificate, usage
from tests.mothers.certified_askit import certified_askit
from tests.mothers.ciba_bank import CIBA_GRANT
from tests.mothers.clients import CLIENT_KEY


@contextmanager
def ciba_askit(folder: Path) -> Iterator[AdvancedAskit]:
    now, clock = time.time(), MovableClock()
    of_clients = an_authority("Clients", now=now, serial=1001)
    mine = a_certificate(issuer=of_clients, now=now, serial=7, key_usage=usage(digital_signature=True))
    with certified_askit(
        folder,
        FaultyServer,
        client_ca=of_clients,
        clients=[_CLIENT],
        clock=clock,
        profile="fapi-ciba",
        auto_approve="alice",
    ) as server:
        http = HttpSettings(ca=server.ca, client_certificate=as_client_certificate(mine))
        yield AdvancedAskit(server, clock, http)


_CLIENT: dict[str, Any] = {
    "client_id": CLIENT_ID,
    "client_name": "Test Client",
    "redirect_uris": ["https://client.example.test/callback"],
    "response_types": [],
    "grant_types": [CIBA_GRANT, "refresh_token"],
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",
    "backchannel_token_delivery_mode": "poll",
    "backchannel_authentication_request_signing_alg": "ES256",
    "tls_client_certificate_bound_access_tokens": True,
    "jwks": {"keys": [dict(a_key(*CLIENT_KEY).public_jwk)]},
}
