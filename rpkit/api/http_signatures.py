"""`HttpSignatures`: with which key the requests to an API are signed, and with whose its answers must be.

Spec: FAPI2-HS 1.1-1, 2.2-1, 2.2-2
Role: C
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from fapikit.clock import Clock
from fapikit.errors import ConfigurationError
from fapikit.jose.key_set import KeySet
from fapikit.jose.signer import Signer
from fapikit.jwks import RemoteKeySet
from fapikit.urls import require_secure

LONGEST_AGE: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSignatures:
    """HTTP message signatures (RFC 9421) for `Client.api(http_signatures=)`. It needs the extra `signatures`.

    `key`: signs each request; the API must know its public key. `fields`: names of request fields that are covered
    besides those that FAPI names and Content-Type. `api_keys`: the keys of the API, as a KeySet or the URL of its JWK
    Set; each answer must then be signed with one of them, and be bound to its request. `answer_fields`: names of
    response fields that must be covered if they are there. `max_age`: seconds since `created` in which the signature
    of an answer counts. Make one object for each API and keep it: it keeps the fetched keys.
    """

    key: Signer | None = None
    api_keys: KeySet | str | None = field(default=None, repr=False)
    fields: Collection[str] = ()
    answer_fields: Collection[str] = ()
    max_age: float = 60.0
    _fetched: list[RemoteKeySet] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError, InsecureUrl."""
        if self.key is None and self.api_keys is None:
            raise ConfigurationError(
                "HttpSignatures has nothing to do: set key= to sign requests, api_keys= to check answers, or both",
                clause="FAPI2-HS 1.1-1",
            )
        if not isinstance(self.key, Signer | None):
            raise ConfigurationError("HttpSignatures(key=) must be a PrivateKey or another Signer")
        if isinstance(self.api_keys, str):
            require_secure(self.api_keys, "api_keys")
        elif not isinstance(self.api_keys, KeySet | None):
            raise ConfigurationError("HttpSignatures(api_keys=) must be a KeySet or the URL of a JWK Set")
        if not 1 <= self.max_age <= LONGEST_AGE:
            raise ConfigurationError(
                f"HttpSignatures(max_age={self.max_age}): it must be 1 to {LONGEST_AGE:g} seconds",
                clause="FAPI2-HS 2.2-2",
            )

    def keys_of_api(self, clock: Clock) -> KeySet | RemoteKeySet | None:
        """The keys that answers are checked with; None if they are not checked."""
        if not isinstance(self.api_keys, str):
            return self.api_keys
        if not self._fetched:
            self._fetched.append(RemoteKeySet(self.api_keys, clock=clock))
        return self._fetched[0]
