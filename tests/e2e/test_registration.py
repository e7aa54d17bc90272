"""A fintech registers itself at a running server, changes its mind, and leaves."""

from __future__ import annotations

import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.running import REDIRECT_URI, running
from fapikit import PrivateKey
from fapikit.errors import PeerRefused
from fapikit.secrets import Secret
from rpkit import Client


@pytest.mark.spec("RFC 7591 3", "RFC 7592 2.1", "RFC 7592 2.2", "RFC 7592 2.3")
def test_a_registration_from_its_first_day_to_its_last() -> None:
    asked = {
        "client_name": "New Fintech",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "jwks": {"keys": [dict(PrivateKey.generate("ES256").public_jwk)]},
    }
    with running({"initial_access_token": "open"}, kind=AuthorizationServer) as server:
        http = server.http()
        registered = Client.register(server.issuer, asked, initial_access_token=Secret("open"), http=http)
        assert Client.read_registration(registered, http=http) == registered
        renamed = {**registered.metadata, "client_name": "Renamed"}
        changed = Client.update_registration(registered, renamed, http=http)
        assert Client.read_registration(registered, http=http).metadata["client_name"] == "Renamed"
        Client.delete_registration(changed, http=http)
        with pytest.raises(PeerRefused, match="invalid_token"):
            Client.read_registration(changed, http=http)
