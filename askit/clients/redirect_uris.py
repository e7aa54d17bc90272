"""Redirect URIs: which ones may be registered, and which ones a request may use.

Spec: RFC 8252 7, 7.1, 7.3, 8.4a, 8.4b, 8.4c; RFC 9700 2.1a; FAPI2-SP 5.3.2.2-8; FAPI1-BL 5.2.2-8, 5.2.2-10, 5.2.2-20
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
_LOOPBACK: Final = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?].*)?)\Z"
)
"""RFC 8252 7.3: the IP literals, and neither localhost nor https."""
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
    """Compares letter by letter. On 127.0.0.1 and [::1] the port may differ: an app learns it when it listens."""
    if uri in registered:
        return True
    asked = _but_for_the_port(uri)
    return asked is not None and any(_but_for_the_port(known) == asked for known in registered)


def _but_for_the_port(uri: str) -> tuple[str, str] | None:
    """The host and what follows the port, as they are written; None if the port is not free for this URI."""
    found = _LOOPBACK.match(uri)
    if found is None or not _is_plain(uri) or not 0 < int(found["port"] or 80) < 65536:
        return None
    return found["host"], found["rest"]


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
