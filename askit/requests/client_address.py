"""The address that a request comes from, by which wrong passwords are counted; behind our proxies, their client's.

A proxy appends its client's address to X-Forwarded-For. What is before it was sent by that client, and is ignored
unless the appended address is itself one of our proxies.

Spec: FAPI1-BL 5.2.2-11; RFC 7239 8.1
Role: AS
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from starlette.requests import Request

from askit.config.networks import Network

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(request: Request, proxies: Sequence[Network]) -> str:
    """An IPv4 address, or the network of an IPv6 address, because one host can use many IPv6 addresses."""
    caller = request.client.host if request.client else ""
    for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(",")):
        # An unreadable value is ignored: with a port in it, for example, each connection would be another address.
        if _address(hop.strip()) is None or not is_among(caller, proxies):
            break
        caller = hop.strip()
    return network_address(caller)


def network_address(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 address."""
    known = _address(address)
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(known) >> 64 << 64, 64)))
    return (address or "unknown") if known is None else str(known)


def is_among(address: str, networks: Sequence[Network]) -> bool:
    known = _address(address)
    return known is not None and any(known in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
