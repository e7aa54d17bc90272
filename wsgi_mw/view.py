"""Reads a WSGI environ for the check: the raw request target, the headers, the certificate of gunicorn's socket.

A WSGI server joins repeated headers with commas. No token or proof contains a comma, so a joined pair is refused.

Spec: RFC 9449 4.3-9; RFC 8705 3b (RS-1, RS-12)
Role: RS
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final, TypeAlias

from rskit.forwarded import Forwarded
from rskit.request_view import Certificate, RequestView, no_certificate, rebuild_path

Environ: TypeAlias = dict[str, Any]
_new: Final = tuple.__new__  # a NamedTuple's own constructor costs twice as much
_ABSOLUTE_FORM: Final = re.compile(r"https?://[^/]*", re.IGNORECASE)


def view_of(
    environ: Environ, identify: Callable[[str | None], str], keys: Collection[str] = ()
) -> RequestView:
    """`identify` returns the interaction id for a received one. `keys`: `Forwarded.environ_keys`."""
    authorization = environ.get("HTTP_AUTHORIZATION")
    dpop = environ.get("HTTP_DPOP")
    return _new(
        RequestView,
        (
            environ["REQUEST_METHOD"],
            raw_path(environ),
            environ.get("QUERY_STRING", ""),
            () if authorization is None else (authorization,),
            () if dpop is None else (dpop,),
            certificate_of(environ) if "gunicorn.socket" in environ else no_certificate,
            identify(environ.get("HTTP_X_FAPI_INTERACTION_ID")),
            "HTTP_ORIGIN" in environ,
            not environ.keys().isdisjoint(keys),
        ),
    )


def with_forwarded(environ: Environ, view: RequestView, forwarded: Forwarded) -> RequestView:
    """The view with what a trusted proxy forwarded. Fields that do not count are removed from the environ.

    A WSGI server cannot distinguish `x_y` from `x-y`. Let it drop names with underscores, as gunicorn does by default.
    If a field is refused, all are removed. Raises CertificateHeaderRefused, ForwardedPrefixRefused.
    """
    keys = forwarded.environ_keys
    sent = [(keys[key], environ[key]) for key in keys.keys() & environ.keys()]
    # ProxyFix replaces the address by that of the proxy's client; here the proxy itself is needed.
    address = environ.get("werkzeug.proxy_fix.orig", environ).get("REMOTE_ADDR")
    strip = forwarded.names
    try:
        view, strip = forwarded.take(view, sent, peer=address or None, joined=True)
    finally:
        if strip:
            for key in (key for key, name in keys.items() if name in strip):
                environ.pop(key, None)
    return view


def raw_path(environ: Environ) -> str:
    """The path from the request line. It is rebuilt from the decoded path only if the server keeps no other."""
    target: str | None = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        decoded = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return rebuild_path(decoded.encode("latin-1")) or "/"
    path = target.partition("?")[0] if "?" in target else target
    if "#" in path:
        path = path.partition("#")[0]
    if path[:1] == "/":
        return path
    absolute = _ABSOLUTE_FORM.match(path)
    return path[absolute.end() :] or "/" if absolute else path


def certificate_of(environ: Environ) -> Callable[[], Certificate]:
    """A function that returns the client's certificate. It is called only if a token is bound to one."""
    socket = environ.get("gunicorn.socket")
    if socket is None or not hasattr(socket, "getpeercert"):
        return no_certificate
    return partial(_certificate, socket)


def _certificate(socket: Any) -> bytes | None:
    """The client's own certificate in DER, proven by the TLS handshake."""
    certificate = socket.getpeercert(True)
    return certificate if isinstance(certificate, bytes) and certificate else None
