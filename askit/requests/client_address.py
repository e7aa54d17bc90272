"""Where a request comes from, so that wrong passwords are counted by place: behind proxies of ours, who came to them.

A proxy appends the address of whoever came to it to X-Forwarded-For. What stands before that was sent by the caller and
counts for nothing, unless the appended address is itself a proxy of ours.

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
    """An IPv4 address, or the network of an IPv6 one, for a host has as many of those as it likes."""
    text = request.client.host if request.client else ""
    caller = _address(text)
    if caller is None:
        return text or "unknown"
    for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(",")):
        before = _address(hop.strip())
        # What cannot be read is no place: a port in it, say, would make one of each connection.
        if before is None or not any(caller in network for network in proxies):
            break
        caller = before
    if isinstance(caller, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(caller) >> 64 << 64, 64)))
    return str(caller)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
