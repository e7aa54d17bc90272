"""The comparison of `htu` with the URL of the request.

Spec: RFC 9449 4.3-9; RFC 3986 6.2.2, 6.2.3 (RS-12)
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fapikit.urls import has_whole_host

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SCHEMES = {"https": ("https", 443), "http": ("http", 80), "wss": ("https", 443), "ws": ("http", 80)}
_SAFE = re.compile(r"[\x21-\x7e]+\Z")


def normalise(url: str) -> str | None:
    """The normalised URL for comparison, or None if the text is not a URL.

    Scheme and host are in lower case. The default port is dropped. Escapes of unreserved characters are decoded, other
    escapes are in upper case. An empty path becomes a slash. Query and fragment are dropped. Dots and double slashes
    stay, so that two different resources never become the same.
    """
    if not _SAFE.match(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    known = _SCHEMES.get(parts.scheme.lower())
    if known is None or parts.hostname is None or not has_whole_host(parts) or "@" in parts.netloc:
        return None
    scheme, default_port = known
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port in (None, default_port) else f"{host}:{port}"
    return f"{scheme}://{authority}{_ESCAPE.sub(_canonical_escape, parts.path) or '/'}"


def _canonical_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()
