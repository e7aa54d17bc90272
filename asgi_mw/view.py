"""Reads an ASGI scope for the check: header lists, the raw path, the certificate; never Host or request.url.

Spec: RFC 9449 4.3-9; RFC 8705 3b; FAPI1-BL 6.2.1-11 (RS-1, RS-12)
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Final, TypeAlias

from fapikit.errors import FapiError
from fapikit.io.asgi_peer import ADDRESS_FIELDS, peer_of
from fapikit.io.asgi_tls import shown_certificate
from rskit.forwarded import Forwarded
from rskit.request_view import Certificate, RequestView, no_certificate, rebuild_path

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
_new: Final = tuple.__new__  # a NamedTuple's own constructor costs twice as much
READ: Final = frozenset({b"authorization", b"dpop", b"x-fapi-interaction-id", b"origin"})
"""The fields that the view itself is made from."""


def view_of(
    scope: Scope, identify: Callable[[str | None], str], names: frozenset[bytes] = READ
) -> RequestView:
    """`identify` returns the interaction id for a received one. `names`: `READ`, and `Forwarded.octet_names`."""
    authorization: list[str] = []
    dpop: list[str] = []
    interaction_id: str | None = None
    cross_origin = forwarded = False
    for name, value in scope["headers"]:
        if name not in names:  # the common case in one look
            continue
        if name == b"authorization":
            authorization.append(value.decode("latin-1"))
        elif name == b"dpop":
            dpop.append(value.decode("latin-1"))
        elif name == b"x-fapi-interaction-id":
            interaction_id = value.decode("latin-1")
        elif name == b"origin":
            cross_origin = True
        else:
            forwarded = True
    raw = scope.get("raw_path")
    query = scope.get("query_string")  # may be missing for a websocket
    extensions = scope.get("extensions")
    return _new(
        RequestView,
        (
            scope.get("method", "GET"),  # a websocket is opened with GET
            raw.decode("latin-1") if raw else rebuild_path(scope["path"]),
            query.decode("latin-1") if query else "",
            authorization,
            dpop,
            certificate_in(extensions) if extensions else no_certificate,
            identify(interaction_id),
            cross_origin,
            forwarded,
        ),
    )


def certificate_in(extensions: Any) -> Callable[[], Certificate]:
    """The client's certificate, as `RequestView.certificate`. It keeps no scope, which will hold the view: a circle."""
    if extensions and "tls" in extensions:
        return partial(shown_certificate, {"extensions": extensions})
    return no_certificate


def with_forwarded(scope: Scope, view: RequestView, forwarded: Forwarded) -> RequestView:
    """The view with what a trusted proxy forwarded. Header fields that do not count are removed from the scope.

    If a field is refused, all are removed. Raises CertificateHeaderRefused, ForwardedPrefixRefused.
    """
    names = forwarded.octet_names
    headers = scope["headers"]
    sent, addresses = [], []
    for pair in headers:  # one look at each, for this is done in every request behind a proxy
        if pair[0] in names:
            sent.append(pair)
        elif pair[0] in ADDRESS_FIELDS:
            addresses.append(pair)
    try:
        view, strip = forwarded.take(view, sent, peer=peer_of(scope, addresses + sent))
    except FapiError:
        scope["headers"] = [pair for pair in headers if pair[0] not in names]
        raise
    if strip:
        scope["headers"] = [pair for pair in headers if str(pair[0], "latin-1") not in strip]
    return view


def header_of(scope: Scope, wanted: bytes) -> str | None:
    """The first value of a header."""
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return None
