"""A request whose token was recognised: it was seen before, and nothing else in the request could refuse it.

Most requests are of this kind. So what only a refusal, a stream or a log needs is made when it is asked for.

Spec: RFC 6750 2.1; RFC 9068 4
Role: RS
"""

from __future__ import annotations

from asgi_mw.view import Scope, certificate_in
from rskit.answers.interaction import INTERACTION_ID
from rskit.policy.checked_request import NOTHING_COMPARED, CheckedRequest
from rskit.possession.credentials import bearer_digest
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from rskit.tokens.token import Token


def recognise(
    server: ResourceServer, scope: Scope, names: frozenset[bytes], own_path: bytes
) -> RecognisedRequest | None:
    """The request, if it has a bearer token that was seen before, and nothing else that the check would look at.

    None says nothing: then the whole check decides. `names`: the header fields that it reads. `own_path`: how the paths
    end that Protect answers itself.
    """
    authorization: bytes | None = None
    for name, value in scope["headers"]:
        if name in names:
            if name != b"authorization" or authorization is not None:
                return None
            authorization = value
    path = scope.get("raw_path")
    if authorization is None or not path or path.endswith(own_path) or scope.get("query_string"):
        return None
    digest = bearer_digest(authorization)
    try:
        token = None if digest is None else server.recognise(digest, server.clock())
    except Exception:  # noqa: BLE001 - a denylist has failed, say: the whole check says what that means
        return None
    return None if token is None else RecognisedRequest(server, token, scope, authorization)


class RecognisedRequest(CheckedRequest):
    """It keeps parts of the scope. The scope will hold this object, so keeping all of it would make a circle."""

    __slots__ = ("_authorization", "_extensions", "_interaction_id", "_method", "_path", "_view")

    def __init__(self, server: ResourceServer, token: Token, scope: Scope, authorization: bytes) -> None:
        # Not by the constructor of the class above: that would be one more call in every request.
        self.server = server
        self.cross_origin = False
        self.token = token
        self.refusal = None
        self.compared = NOTHING_COMPARED
        self.started = False
        self.over = False
        self._authorization = authorization
        self._extensions = scope.get("extensions")
        self._interaction_id: str | None = None
        self._method = scope["method"]
        self._path = scope["raw_path"]
        self._view: RequestView | None = None

    @property
    def view(self) -> RequestView:  # type: ignore[override]
        if self._view is None:
            self._view = RequestView(
                self._method,
                self._path.decode("latin-1"),
                "",
                [self._authorization.decode("latin-1")],
                [],
                certificate_in(self._extensions),
                self.interaction_id,
            )
        return self._view

    @property
    def interaction_id(self) -> str:
        """A new one, because the request came without."""
        if self._interaction_id is None:
            self._interaction_id = self.server.interaction_id(None)
        return self._interaction_id

    def response_headers(self, *, nonce: bool) -> list[tuple[str, str]]:  # noqa: ARG002 - it came without a proof
        chosen = self._interaction_id
        if chosen is None:  # the common case, without a call
            chosen = self._interaction_id = self.server.interaction_id(None)
        return [(INTERACTION_ID, chosen)]
