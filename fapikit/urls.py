"""Security rules for URLs: which may be called, what an origin is, what may be logged.

Spec: FAPI2-SP 5.2.1-1; RFC 3986 6.2; RFC 8252 7.3
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlencode, urlsplit

from fapikit.errors import InsecureUrl
from fapikit.setting_types import require_text

_USER_INFO = re.compile(r"//[^/]*@")
_PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")
_BESIDE_BRACKETS = re.compile(r"[^@]\[|\][^:]")


def is_loopback_host(host: str | None) -> bool:
    """localhost, 127.0.0.0/8 or ::1."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_whole_host(parts: SplitResult) -> bool:
    """Whether the host is complete: urlsplit silently drops text before [ and after ]."""
    return bool(parts.hostname) and _BESIDE_BRACKETS.search(parts.netloc) is None


def is_secure(url: str) -> bool:
    """Whether the URL is https, or http on loopback, with a host and without user info."""
    if not _PRINTABLE.match(url) or "\\" in url:  # urlsplit silently drops line breaks
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if not has_whole_host(parts) or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(host))


def require_secure(url: str, what: str) -> str:
    """Return `url` if it is secure. Raises InsecureUrl with `what`, the name of the setting.

    Raises ConfigurationError for what is no string.
    """
    require_text(what, url)
    if not is_secure(url):
        shown = _USER_INFO.sub("//", without_query(url))
        raise InsecureUrl(f"{what} must be https (http on loopback only)", facts={"url": shown})
    return url


def require_no_downgrade(named_by: str, url: str, what: str) -> None:
    """Refuse an http URL in a document that was fetched by https. It could reach a service on this machine's loopback.

    Raises InsecureUrl.
    """
    if urlsplit(named_by).scheme == "https" and urlsplit(url).scheme != "https":
        raise InsecureUrl(
            f"{what} must be https, because {without_query(named_by)} is https",
            facts={"url": without_query(url)},
        )


def origin_of(url: str) -> str:
    """scheme://host[:port], lower case, default port dropped."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    default = {"https": 443, "http": 80, "wss": 443, "ws": 80}.get(scheme)
    return f"{scheme}://{host}" if parts.port in (None, default) else f"{scheme}://{host}:{parts.port}"


def has_origin(url: str, origin: str) -> bool:
    """Whether the text is a URL at this origin."""
    try:
        return origin_of(url) == origin
    except ValueError:
        return False


def with_query(url: str, fields: Iterable[tuple[str, str]]) -> str:
    """The URL with these parameters added to its query."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(list(fields))}"


def without_query(url: str) -> str:
    """The URL without query and fragment, safe for logs."""
    return url.split("?", 1)[0].split("#", 1)[0]
