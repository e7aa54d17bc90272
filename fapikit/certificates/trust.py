"""Whose headers count: a proxy is recognised by its address, by the unix socket it comes through, or by a secret it
sends.

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
    """Every part that is given must hold.

    `networks`: where the proxy connects from, such as "10.0.3.0/24"; never everybody. `unix_socket`: it connects
    through a unix socket, so that the server knows no address. `secret`: a header field that it sends, and its value;
    whatever the proxy passes on, it must set this field itself.
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
                "nobody is trusted: say from which networks the proxy comes, that it comes through a unix socket, "
                "or which secret header it sends",
                clause=_CLAUSE,
            )
        if self.networks and self.unix_socket:
            raise ConfigurationError(
                "networks contradicts unix_socket: a unix socket has no address", clause=_CLAUSE
            )
        if any(network.prefixlen == 0 for network in self.networks):
            raise ConfigurationError(
                "networks names everybody: whoever reaches this server could then send any certificate",
                clause=_CLAUSE,
            )
        if self.secret is not None and len(self.secret[1].reveal()) < 32:
            raise ConfigurationError("the secret of a proxy has 32 characters or more", clause=_CLAUSE)

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
