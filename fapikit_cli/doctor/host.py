"""A host with TLS that belongs to a server, and connections to it.

Role: C
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from fapikit.metadata import ENDPOINTS, ServerMetadata

MOST_HOSTS: Final = 8
_FOR_BROWSERS: Final = frozenset({"authorization_endpoint", "end_session_endpoint"})


@dataclass(frozen=True, slots=True)
class Host:
    """`for_browsers`: only users with a browser come to it. `timeout`: in seconds, for each wait."""

    name: str
    port: int
    for_browsers: bool
    timeout: float = 5.0

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return self.name, self.port

    @contextmanager
    def connect(self, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        """Raises OSError, also ssl.SSLError."""
        with (
            socket.create_connection(self.address, self.timeout) as plain,
            context.wrap_socket(plain, server_hostname=self.name) as connection,
        ):
            yield connection

    def unverified(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A context that looks, and trusts nothing that it sees: no request is ever sent over it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context


def hosts_of(issuer: str, metadata: ServerMetadata | None) -> list[Host]:
    """The hosts with TLS of the issuer and of all endpoints; one that is named first comes first.

    A server cannot send this machine to many hosts of others: there are no more than `MOST_HOSTS`.
    """
    named: dict[tuple[str, int], set[str]] = {}
    for member, url in _urls(issuer, metadata):
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            named.setdefault((parts.hostname, parts.port or 443), set()).add(member)
    first = islice(named.items(), MOST_HOSTS)
    return [Host(*address, for_browsers=members <= _FOR_BROWSERS) for address, members in first]


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL that somebody else has sent; None if it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _urls(issuer: str, metadata: ServerMetadata | None) -> Iterable[tuple[str, str]]:
    yield "issuer", issuer
    if metadata is not None:
        listed: list[tuple[str, Any]] = [(name, metadata.raw.get(name)) for name in ENDPOINTS]
        listed += [(name, metadata.mtls_endpoint_aliases.get(name)) for name in ENDPOINTS]
        yield from ((name, url) for name, url in listed if isinstance(url, str))
