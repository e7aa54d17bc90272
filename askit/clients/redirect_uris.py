"""Redirect URIs: which ones may be registered, and which ones a request may use.

Spec: RFC 8252 7.1, 7.3; RFC 9700 2.1a; FAPI2-SP 5.3.2.2-8; FAPI1-BL 5.2.2-8, 5.2.2-10, 5.2.2-20
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
_PRIVATE_USE: Final = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+:/(?!/)[\x21-\x7e]*\Z")
"""RFC 8252 7.1: the scheme contains a dot, because it is a reversed domain. A browser compares it in lower case."""
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+\Z|[0-9A-Fa-f:.]+\Z")


def check_redirect_uri(uri: str, *, native: bool = False) -> None:
    """Raise InvalidRedirectUri for one that may not be registered. `native`: the client is public, perhaps an app."""
    if native and is_private_use(uri):
        return
    if not _is_plain(uri):
        raise InvalidRedirectUri(
            "a redirect URI must be https with a plain host, without fragment and user info; a public client may also "
            "use http on loopback, or a scheme that is a reversed domain of its own, such as com.example.app:/callback"
        )
    parts = urlsplit(uri)
    if parts.scheme == "http" and is_loopback_host(parts.hostname):
        return
    if parts.scheme != "https":
        # FAPI2-SP 5.3.2.2-8: no response travels in clear text.
        raise InvalidRedirectUri(
            "a redirect URI must be https, or http on loopback", clause="FAPI2-SP 5.3.2.2-8"
        )


def is_private_use(uri: str) -> bool:
    """Whether this is `com.example.app:/path`: a reversed domain as scheme, no authority, a path, no fragment."""
    return _PRIVATE_USE.match(uri) is not None and "\\" not in uri and "#" not in uri


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Compares exactly. On a loopback address the port may differ."""
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
    """Whether every parser reads this URL alike: no space, line break or backslash, no fragment."""
    if not _PRINTABLE.match(uri) or "\\" in uri or "#" in uri:
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return bool(_HOST.match(parts.hostname or "")) and has_whole_host(parts) and parts.username is None
