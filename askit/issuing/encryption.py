"""Encrypts responses for clients that have registered encryption: the signed JWT inside a JWE for the client's key.

Spec: OIDC 10.2; OIDC Registration 2; JARM 2.2, 3; RFC 9701 5, 6; RFC 7519 5.2, 11.2; FAPI1-ADV 5.2.2.1-6, 8.6.1-1
Role: AS
"""

from __future__ import annotations

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClientMetadata
from fapikit.errors import UnusableKey
from fapikit.jose.encryption import DEFAULT_ENC, encrypt_jwt


async def encrypted_for(core: Core, client: Client, jwt: str, response: str) -> str:
    """The JWE; `jwt` itself if the client registered no encryption. `response` is one of `ENCRYPTED_RESPONSES`.

    Raises InvalidClientMetadata if the client publishes no fitting key, TransportError if its keys cannot be fetched
    now. It never falls back to sending `jwt` unencrypted.
    """
    alg = client.alg(f"{response}_encrypted_response_alg")
    if alg is None:
        return jwt
    try:
        with core.waiting_for_keys(client.client_id):
            key = await core.run(core.clients.keys_of(client).find_encryption_key(alg))
    except UnusableKey as error:
        raise InvalidClientMetadata(
            f"client {client.client_id} registered {response}_encrypted_response_alg {alg}, but has no key for it",
            clause=error.clause,
            facts={"client_id": client.client_id, "alg": alg},
        ) from error
    return encrypt_jwt(jwt, key, enc=client.alg(f"{response}_encrypted_response_enc") or DEFAULT_ENC)
