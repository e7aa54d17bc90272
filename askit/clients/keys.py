"""Which addresses a client may have this server connect to: for a self-registered client only the public internet.

Otherwise anybody who may register could choose what this server connects to: keys, request objects, the list of a
sector, notices.
The host name is checked at registration and whenever the client is loaded. Its addresses are checked at each
connection, and the checked address is the one that is used, so a name whose addresses change in between gains nothing.
Each connection is used once, so the certificate is also checked for the next name on the same address. Redirects, size
and time: `fapikit.jwks`.

Spec: FAPI2-SP 5.4.2-1; RFC 7591 2; OIDC Registration 5; OIDC Back-Channel Logout 2.2; RFC 9101 10.4
Role: AS
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urldefrag, urlsplit

import httpx

from askit.clients.backchannel import NOTIFICATION_ENDPOINT
from askit.clients.sector_identifier import SECTOR_IDENTIFIER_URI
from askit.errors import InvalidClientMetadata
from fapikit.io import HttpSettings
from fapikit.io.clients import no_cookies
from fapikit.profiles import FAPI2_SECURITY, Profile

_CONNECTED_TO: Final = {
    "jwks_uri": "GET",
    "backchannel_logout_uri": "POST",
    "request_uris": "GET",
    NOTIFICATION_ENDPOINT: "POST",
    SECTOR_IDENTIFIER_URI: "GET",
}
"""The members of a client that are called, and how."""
# The last label of a host name is not a number: a resolver takes 127.1 and 0x7f000001 for addresses.
_NAMED_HOST: Final = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*\Z", re.IGNORECASE)
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def uris_to_connect_to(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each URI of a client that this server connects to, without its fragment, after the member that holds it."""
    for name in _CONNECTED_TO:
        value = metadata.get(name, ())
        for uri in (value,) if isinstance(value, str) else value:
            yield name, urldefrag(uri).url


def require_public(uri: str, name: str) -> None:
    """Raise InvalidClientMetadata unless it is a secure URL (https, unless on loopback) with a host name in the DNS."""
    host = urlsplit(uri).hostname or ""
    if host.endswith(".localhost") or not _NAMED_HOST.match(host):
        raise InvalidClientMetadata(f"{name} must be an https URL with a host name on the public internet")


def is_public(address: str) -> bool:
    """Whether an IP address is public. An IPv4 address inside an IPv6 address is checked too."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    inner = (
        ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(ip.packed[12:]) if ip in _NAT64 else None)
    )
    if inner is not None:
        return is_public(str(inner))
    return ip in _GLOBAL_UNICAST and ip.is_global


def calls_of(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The method and the URI of each call that this server makes for a client."""
    for name, uri in uris_to_connect_to(metadata):
        yield _CONNECTED_TO[name], uri


class NotPublic(httpx.ConnectError):
    """The host has an address that is not public."""


class PublicTransport(httpx.AsyncBaseTransport):
    """Connects to public addresses. It connects to other addresses only for the exact calls in `vouched_for`.

    Each is a method and a URL: otherwise whoever registers could have notices posted to where another client's keys
    lie.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, vouched_for: frozenset[tuple[str, str]]) -> None:
        self._inner = inner
        self._vouched_for = {(method, str(httpx.URL(url))) for method, url in vouched_for}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.ConnectError; NotPublic for a host with another address."""
        if (request.method, str(request.url)) in self._vouched_for:
            return await self._inner.handle_async_request(request)
        # Compared as it is in the URL: no other name and no other spelling.
        host = request.url.raw_host.decode()
        *others, last = await _addresses(host, request.url.port or 443)
        # The certificate is checked against the name. Host was already set from it.
        request.extensions = {**request.extensions, "sni_hostname": host}
        for address in others:
            request.url = request.url.copy_with(host=address)
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError:
                continue
        request.url = request.url.copy_with(host=last)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _addresses(host: str, port: int) -> list[str]:
    """The host's addresses. Raises NotPublic if one of them is not public, httpx.ConnectError if there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError("the host has no address") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not all(is_public(address) for address in addresses):
        raise NotPublic("an address of the host is not public")
    return addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicHttp(HttpSettings):
    """HTTP clients that connect to public addresses.

    A client that was passed in, or an egress proxy, decides itself.
    """

    vouched_for: frozenset[tuple[str, str]] = frozenset()

    def make_async_client(self, profile: Profile = FAPI2_SECURITY) -> Any:
        if self.async_client is not None or self.proxy is not None:
            return HttpSettings.make_async_client(self, profile)
        once = httpx.Limits(max_keepalive_connections=0)
        inner = httpx.AsyncHTTPTransport(verify=self.tls_context(profile), trust_env=False, limits=once)
        return httpx.AsyncClient(
            transport=PublicTransport(inner, self.vouched_for),
            trust_env=False,
            follow_redirects=False,
            cookies=no_cookies(),
        )
