"""Which proxy is trusted: it is recognised by its address, by the unix socket, or by a secret header.

Spec: RFC 9440 4; RFC 8705 6.5
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from fapikit.errors import ConfigurationError
from fapikit.io.bounded_cache import BoundedCache
from fapikit.secrets import Secret

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_CLAUSE = "RFC 9440 4"
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class ProxyTrust:
    """The rule that recognises the proxy. Every part that is given must be satisfied.

    `networks`: the networks of the proxy, such as "10.0.3.0/24"; never all addresses. `unix_socket`: the proxy connects
    through a unix socket, so the server sees no address. `secret`: a header field and its value. The proxy must set
    this field itself, and replace one that a client sent.
    """

    networks: tuple[Network, ...] = ()
    unix_socket: bool = False
    secret: tuple[str, Secret] | None = field(default=None, repr=False)
    _known: BoundedCache[str, bool] = field(
        default_factory=lambda: BoundedCache(_REMEMBERED), repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        networks: Iterable[str] = (),
        *,
        unix_socket: bool = False,
        secret: tuple[str, str | Secret] | None = None,
    ) -> ProxyTrust:
        """From settings. Raises ConfigurationError."""
        if secret is None:
            return cls(read_networks(networks), unix_socket)
        name, value = secret
        kept = value if isinstance(value, Secret) else Secret(value)
        return cls(read_networks(networks), unix_socket, (name.lower(), kept))

    def __post_init__(self) -> None:
        if not self.networks and not self.unix_socket and self.secret is None:
            raise ConfigurationError(
                "ProxyTrust is empty, so no proxy is trusted: set networks, unix_socket=True, or secret",
                clause=_CLAUSE,
            )
        if self.networks and self.unix_socket:
            raise ConfigurationError(
                "networks and unix_socket are both given, and a unix socket has no address: give one of them",
                clause=_CLAUSE,
            )
        if any(network.prefixlen == 0 for network in self.networks):
            raise ConfigurationError(
                "networks includes all addresses, so everybody could send any certificate: give the networks of the"
                " proxy",
                clause=_CLAUSE,
            )
        if self.secret is not None and len(self.secret[1].reveal()) < 32:
            raise ConfigurationError(
                "the secret of the proxy is too short: use 32 characters or more", clause=_CLAUSE
            )

    def is_near(self, peer: str | None) -> bool:
        """Whether the proxy connects from there, so far as its place is part of the rule. None: a unix socket."""
        if self.unix_socket and peer:
            return False
        if not self.networks:
            return True
        if peer is None:
            return False
        known = self._known.get(peer)
        if known is None:
            known = self._is_in_networks(peer)
            self._known.put(peer, known, 0.0)
        return known

    def _is_in_networks(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.networks)


def read_networks(values: Iterable[str]) -> tuple[Network, ...]:
    """Addresses, or networks such as 10.0.0.0/8. Raises ConfigurationError."""
    if isinstance(values, str):
        raise ConfigurationError('networks is a list of networks, such as ["10.0.0.0/8"]')
    try:
        return tuple(ipaddress.ip_network(value) for value in values)
    except ValueError as error:
        raise ConfigurationError(f"networks: {error}") from error
