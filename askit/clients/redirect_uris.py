"""Redirect URIs: which may be registered, and which a request may name.

Spec: RFC 8252 7.3; RFC 9700 2.1a; FAPI2-SP 5.3.2.2-8
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from askit.errors import InvalidRedirectUri
from fapikit.urls import has_whole_host, is_loopback_host

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+\Z")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+\Z|[0-9A-Fa-f:.]+\Z")


def check_redirect_uri(uri: str) -> None:
    """Raise InvalidRedirectUri for one that may not be registered."""
    if not _is_plain(uri):
        raise InvalidRedirectUri(
            "a redirect URI is absolute, with a plain host, without fragment and user info"
        )
    parts = urlsplit(uri)
    if parts.scheme == "http" and is_loopback_host(parts.hostname):
        return
    if parts.scheme != "https":
        # FAPI2-SP 5.3.2.2-8: no response travels in clear text.
        raise InvalidRedirectUri("a redirect URI is https, or http on loopback", clause="FAPI2-SP 5.3.2.2-8")


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Exact comparison; on a loopback address the port is free."""
    if uri in registered:
        return True
    if not _is_plain(uri):
        return False
    asked = urlsplit(uri)
    if asked.scheme != "http" or asked.hostname not in ("127.0.0.1", "::1"):
        return False
    return any(
        (known.scheme, known.hostname, known.path, known.query)
        == (asked.scheme, asked.hostname, asked.path, asked.query)
        for known in map(urlsplit, registered)
    )


def _is_plain(uri: str) -> bool:
    """Whether everybody reads this URL alike: no space, line break or backslash, no fragment."""
    if not _PRINTABLE.match(uri) or "\\" in uri or "#" in uri:
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return bool(_HOST.match(parts.hostname or "")) and has_whole_host(parts) and parts.username is None
