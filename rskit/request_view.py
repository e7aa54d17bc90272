"""The parts of a request that the check needs, without any framework. The check looks at nothing else.

Spec: RFC 9449 4.3; RFC 6750 2.1; FAPI1-BL 6.2.1-11; FAPI1-BL 6.2.1-1
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from fapikit.certificates.certificate import ClientCertificate

_new: Final = tuple.__new__
_SAFE_IN_PATHS: Final = "/:@!$&'()*+,;="
"""The characters that RFC 3986 3.3 allows in a path without an escape, besides the unreserved ones."""


Certificate: TypeAlias = bytes | ClientCertificate | None
"""The client's own (leaf) certificate in DER; or a `ClientCertificate` that a trusted proxy forwarded."""


def no_certificate() -> Certificate:
    """The certificate of a connection that has none."""
    return None


def rebuild_path(decoded: str | bytes) -> str:
    """The raw path, for a server that keeps only the decoded one. Escapes what a path cannot contain as it is."""
    return quote(decoded, safe=_SAFE_IN_PATHS)


class RequestView(NamedTuple):
    """One request.

    `path` is the raw path from the request line: escapes are not decoded, the query is left out. `authorization` and
    `dpop` hold all values of these headers, one entry each. `certificate` returns the client's certificate, proven by
    the TLS handshake; it is called only for a token that is bound to one. `cross_origin`: the request has an Origin
    header. `forwarded`: it has a header field that only a trusted proxy may set. `interaction_id` goes into the answer
    and the log: the received one if it is valid, else a new one (`ResourceServer.interaction_id`).
    """

    method: str
    path: str
    query: str
    authorization: Sequence[str]
    dpop: Sequence[str]
    certificate: Callable[[], Certificate] = no_certificate
    interaction_id: str | None = None
    cross_origin: bool = False
    forwarded: bool = False

    def with_certificate(self, certificate: Callable[[], Certificate]) -> RequestView:
        """A changed view. Faster than `_replace`, because each request behind a TLS-terminating proxy needs it."""
        method, path, query, authorization, dpop, _, interaction_id, cross_origin, forwarded = self
        return _new(
            RequestView,
            (method, path, query, authorization, dpop, certificate, interaction_id, cross_origin, forwarded),
        )
