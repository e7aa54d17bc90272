"""client_secret_basic: client_id and secret, each form-encoded, in the Authorization header.

Spec: RFC 6749 2.3.1; RFC 7617 2
Role: C, RS
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote_plus

from fapikit.client_authentication.client_secret import ClientSecret
from fapikit.client_authentication.method import Credentials


class ClientSecretBasic(ClientSecret):
    """Sign in with a shared secret in the header. OAuth 2.1 allows it; no FAPI profile does."""

    __slots__ = ()
    method = "client_secret_basic"

    def _shown(self, client_id: str) -> Credentials:
        # RFC 6749 2.3.1: without form-encoding, a colon or a character outside ASCII would change the pair.
        pair = f"{quote_plus(client_id)}:{quote_plus(self.secret.reveal())}"
        return Credentials(headers=(("authorization", f"Basic {b64encode(pair.encode('ascii')).decode()}"),))
