"""Encrypts responses for clients that have registered encryption: the signed JWT inside a JWE for the client's key.

Access tokens are encrypted for the API that reads them, if its resource is configured so.

Spec: OIDC 10.2; OIDC Registration 2; JARM 2.2, 3; RFC 9701 5, 6; RFC 7519 5.2, 11.2; RFC 9068 4-2;
    FAPI1-ADV 5.2.2.1-6, 8.6.1-1
Role: AS
"""

from __future__ import annotations

from askit.clients.client import Client
from askit.config.values import Resource
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
    enc = client.alg(f"{response}_encrypted_response_enc") or DEFAULT_ENC
    return await _encrypted(core, client, jwt, alg, enc, f"registered {response}_encrypted_response_alg")


async def encrypted_for_api(core: Core, resource: Resource, jwt: str) -> str:
    """An access token for an API; `jwt` itself if its tokens are not encrypted. Raises as `encrypted_for` does."""
    agreed = resource.encryption
    if agreed is None:
        return jwt
    api = await core.clients.find(agreed.client_id)
    if api is None:
        raise InvalidClientMetadata(
            f"the client {agreed.client_id}, for which access tokens are encrypted, no longer exists"
        )
    return await _encrypted(
        core, api, jwt, agreed.alg, agreed.enc, "is the encryption_client with encryption_alg"
    )


async def _encrypted(core: Core, client: Client, jwt: str, alg: str, enc: str, agreed: str) -> str:
    try:
        found = core.clients.keys_of(client).find_encryption_key(alg)
        key = await core.run(core.waiting_for_keys.wait(client.client_id, found))
    except UnusableKey as error:
        raise InvalidClientMetadata(
            f"client {client.client_id} {agreed} {alg}, but has no key for it",
            clause=error.clause,
            facts={"client_id": client.client_id, "alg": alg},
        ) from error
    return encrypt_jwt(jwt, key, enc=enc)
