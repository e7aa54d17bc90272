"""What the check needs to see of a request, framework-free: nothing else of it is ever looked at.

Spec: RFC 9449 4.3; RFC 6750 2.1; FAPI1-BL 6.2.1-11
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from fapikit.certificates.certificate import ClientCertificate

_SAFE_IN_PATHS: Final = "/:@!$&'()*+,;="
"""Beside the unreserved characters, what RFC 3986 3.3 lets stand in a path as it is."""


Certificate: TypeAlias = bytes | ClientCertificate | None
"""The client's leaf in DER; or as a trusted proxy handed it on, with its thumbprint."""


def no_certificate() -> Certificate:
    """The certificate of a connection that shows none."""
    return None


def rebuild_path(decoded: str | bytes) -> str:
    """The raw path of a server that keeps the decoded one only: escaped is what cannot stand in a path otherwise."""
    return quote(decoded, safe=_SAFE_IN_PATHS)


class RequestView(NamedTuple):
    """One request.

    `path` is the raw path as it stood on the request line, escapes undecoded, without query. `authorization` and
    `dpop` are all values of these headers, each by itself. `certificate` gives the client's certificate, proven by
    the TLS handshake, and is called only for a token that is bound to one. `cross_origin`: it has an Origin header.
    `interaction_id` goes into the answer and the log as it is: what came only if it may, else a new one
    (`ResourceServer.interaction_id`).
    """

    method: str
    path: str
    query: str
    authorization: Sequence[str]
    dpop: Sequence[str]
    certificate: Callable[[], Certificate] = no_certificate
    interaction_id: str | None = None
    cross_origin: bool = False
