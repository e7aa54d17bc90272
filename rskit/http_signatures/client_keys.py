"""The keys of the client that a token belongs to: given, or at the URL of its JWK Set, fetched once for all requests.

Spec: FAPI2-HS 1.2-1; RFC 9421 7.2.6
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, UnknownSignatureKey
from fapikit.flow import Flow, call
from fapikit.jose.key_set import KeySet
from fapikit.jwks import RemoteKeySet
from rskit.http_signatures.settings import ClientKeys, Keys, require_keys
from rskit.tokens.token import Token

LOOK_UP: Final = 5.0
"""Seconds that the application's function may take."""
_MOST_SETS: Final = 1024


class KeysOfClients:
    """Several issuers may know different clients by one name. So a dict is only for one issuer."""

    def __init__(self, keys: ClientKeys, *, issuers: int, clock: Clock) -> None:
        """Raises ConfigurationError."""
        if isinstance(keys, Mapping) and issuers > 1:
            raise ConfigurationError(
                f"HttpSignatures(client_keys=) is a dict, and this API has {issuers} issuers, each with its own "
                "clients: give a function of the token, which looks at token.issuer and token.client_id",
                clause="FAPI2-HS 1.2-1",
            )
        self._keys = keys
        self._clock = clock
        self._remote: dict[str, RemoteKeySet] = {}

    def find(self, token: Token) -> Flow[KeySet | RemoteKeySet]:
        """Raises UnknownSignatureKey for a client without keys; ConfigurationError if the function returned others."""
        client = token.client_id
        keys: Keys | None = None
        if isinstance(self._keys, Mapping):
            keys = self._keys.get(client) if client is not None else None
        else:
            keys = yield from call(self._keys, token, deadline=LOOK_UP)
        if keys is None:
            raise UnknownSignatureKey(
                "no keys are known of the client that this token belongs to",
                facts={"client": client or "none"},
            )
        keys = require_keys(keys, client or "none")
        return keys if isinstance(keys, KeySet) else self._at(keys)

    def _at(self, uri: str) -> RemoteKeySet:
        known = self._remote.get(uri)
        if known is None:
            known = RemoteKeySet(uri, clock=self._clock)
            sets = dict(self._remote)  # another thread may read the old one
            if len(sets) >= _MOST_SETS:
                del sets[next(iter(sets))]
            sets[uri] = known
            self._remote = sets
        return known
