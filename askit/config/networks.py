"""Networks in the configuration: addresses, or ranges such as 10.0.0.0/8.

Role: AS
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from fapikit.errors import ConfigurationError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(setting: str, values: Sequence[str]) -> tuple[Network, ...]:
    """Addresses, or networks such as 10.0.0.0/8. Raises ConfigurationError."""
    try:
        return tuple(ipaddress.ip_network(value) for value in values)
    except ValueError as error:
        raise ConfigurationError(f"{setting}: {error}", facts={"setting": setting}) from error


def require_loopback(host: str, listen: str) -> None:
    """Raise ConfigurationError for a host that others can reach; `listen` is the setting that names it."""
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigurationError(
            f"listen = {listen!r} needs development_only = false: with true this server stays on loopback",
            facts={"setting": "listen"},
        )
