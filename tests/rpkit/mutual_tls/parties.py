"""The certificates of the client, and how it is configured for each way to sign in and to bind tokens."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

from fapikit import HttpSettings, PrivateKeyJWT, SelfSignedTlsClientAuth, TlsClientAuth
from tests.keys import a_key
from tests.mothers.certificates import a_certificate, an_authority, as_client_certificate
from tests.mothers.clients import CLIENT_KEY
from tests.mothers.mtls_bank import SERVER_CA_PEM, MtlsBank

NOW = time.time()
CA = an_authority(now=NOW)
MINE = a_certificate(issuer=CA, now=NOW, serial=1)
NEXT = a_certificate(issuer=CA, now=NOW, serial=2)
STRANGER = a_certificate(issuer=CA, now=NOW, serial=3)
SELF_SIGNED = a_certificate(now=NOW, serial=4)
KEY = a_key(*CLIENT_KEY)
AUTH: dict[str, Any] = {
    "private_key_jwt": PrivateKeyJWT(KEY),
    "tls_client_auth": TlsClientAuth(),
    "self_signed_tls_client_auth": SelfSignedTlsClientAuth(),
}
COMBINATIONS = list(product(AUTH, ("dpop", "mtls")))


def arguments(bank: MtlsBank) -> dict[str, Any]:
    """Of a client as it is registered at this bank."""
    mine = SELF_SIGNED if bank.method == "self_signed_tls_client_auth" else MINE
    return {
        "auth": AUTH[bank.method],
        "sender_constraint": "dpop" if bank.dpop else "mtls",
        "http": HttpSettings(ca=SERVER_CA_PEM, client_certificate=as_client_certificate(mine)),
    }
