"""The clients that sign their requests, and the keys with which they do.

Spec: UK-JWS 5; RFC 7517 5
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow, call
from fapikit.io.bounded_cache import BoundedCache
from fapikit.jose.key_set import KeySet, KeySource
from fapikit.jwks import RemoteKeySet
from fapikit.setting_types import check_text_settings
from fapikit.urls import is_secure
from rskit.errors import UnknownSigner
from rskit.tokens.token import Token

_MOST_KEY_SETS: Final = 1024
_LOOK_UP: Final = 5.0
"""Seconds that the function of the application may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningClient:
    """One client that signs. `names`: what it calls itself as the signer; the first one is what answers call it. HTTP
    message signatures name nobody, and need none.

    Its keys are behind `jwks_uri`, or they are `jwks`: as the directory or its registration says, never as a message
    says.
    """

    names: tuple[str, ...] = ()
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    _given: KeySet | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if not _are_names(self.names):
            raise ConfigurationError(
                'SigningClient(names=): give a tuple of names, such as ("org/software",)'
            )
        if (self.jwks is None) == (self.jwks_uri is None):
            raise ConfigurationError(f"SigningClient({self._name}): give one of jwks_uri= and jwks=")
        if self.jwks_uri is not None and not is_secure(self.jwks_uri):
            raise ConfigurationError(f"SigningClient({self._name}): jwks_uri= must be an https URL")
        object.__setattr__(self, "_given", None if self.jwks is None else self._read(self.jwks))

    def _read(self, jwks: Mapping[str, Any]) -> KeySet:
        try:
            keys = KeySet.from_jwks(jwks)
        except FapiError as error:
            raise ConfigurationError(f"SigningClient({self._name}): jwks= {error.message}") from error
        if not keys.keys:
            raise ConfigurationError(f"SigningClient({self._name}): jwks= has no usable key")
        return keys

    @property
    def _name(self) -> str:
        return self.names[0] if self.names else ""

    @property
    def keys_at_hand(self) -> KeySet | None:
        """The keys that were given; None if they are behind `jwks_uri`."""
        return self._given


def _are_names(names: object) -> bool:
    return isinstance(names, tuple) and all(isinstance(name, str) and name != "" for name in names)


SigningClients: TypeAlias = Mapping[str, SigningClient] | Callable[[Token], Any]
"""The client of each client_id, or a function, perhaps a coroutine function, that returns that of a token, or None.

With several issuers it must be a function, because the same client_id may be another client's at each of them.
"""


class ClientKeys:
    """Finds the client of a token and its keys. Fetched keys are kept, for as many clients as `_MOST_KEY_SETS`."""

    def __init__(self, clients: SigningClients, clock: Clock, *, issuers: int, named: bool = True) -> None:
        """`named`: the scheme needs their names.

        Raises ConfigurationError if the clients are named by client_id and there are several issuers."""
        if issuers != 1 and not callable(clients):
            raise ConfigurationError(
                "clients= must be a function of the token on a server with several issuers, or with a function for "
                "them: the same client_id may be another client at each of them"
            )
        self._clients = clients
        self._named = named
        self._clock = clock
        self._remote: BoundedCache[str, RemoteKeySet] = BoundedCache(_MOST_KEY_SETS)

    def of(self, token: Token) -> Flow[tuple[SigningClient, KeySource]]:
        """Raises UnknownSigner, and what the function raises; ConfigurationError for a client that lacks its names."""
        clients = self._clients
        if callable(clients):
            found = yield from call(clients, token, deadline=_LOOK_UP)
        else:
            found = None if token.client_id is None else clients.get(token.client_id)
        if found is None:
            raise UnknownSigner(
                "this client signs no messages here: its keys are not known",
                facts={"client_id": token.client_id, "issuer": token.issuer},
            )
        if not isinstance(found, SigningClient):
            raise ConfigurationError(
                f"the function of clients= returned a {type(found).__name__}: return a SigningClient, or None"
            )
        if self._named and not found.names:
            raise _nameless(token.client_id)
        return found, self._keys(found)

    def _keys(self, client: SigningClient) -> KeySource:
        if client.keys_at_hand is not None:
            return client.keys_at_hand
        uri = client.jwks_uri or ""
        known = self._remote.get(uri)
        if known is None:
            known = RemoteKeySet(uri, clock=self._clock)
            self._remote.put(uri, known, self._clock())
        return known


def _nameless(client_id: str | None) -> ConfigurationError:
    return ConfigurationError(
        f'SigningClient(names=) of {client_id}: give a tuple of at least one name, such as ("org/software",)'
    )


def check_clients(clients: object, *, named: bool = True) -> None:
    """`named`: the scheme needs their names. Raises ConfigurationError."""
    if callable(clients):
        return
    if not isinstance(clients, Mapping) or not all(
        isinstance(each, SigningClient) for each in clients.values()
    ):
        raise ConfigurationError(
            "clients= must be a mapping of client_id to SigningClient, or a function of the token"
        )
    if named:
        for client_id, each in clients.items():
            if not each.names:
                raise _nameless(client_id)
