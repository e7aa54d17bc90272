"""client_secret_post: client_id and secret as form parameters.

Spec: RFC 6749 2.3.1
Role: C, RS
"""

from __future__ import annotations

from fapikit.client_authentication.client_secret import ClientSecret
from fapikit.client_authentication.method import Credentials


class ClientSecretPost(ClientSecret):
    """Sign in with a shared secret in the form. OAuth 2.1 allows it; no FAPI profile does."""

    __slots__ = ()
    method = "client_secret_post"

    def _shown(self, client_id: str) -> Credentials:
        return Credentials(parameters=(("client_id", client_id), ("client_secret", self.secret.reveal())))
