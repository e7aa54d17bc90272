"""What the middleware passes to the route: the token, and a place for a refusal that only the middleware renders.

So no exception handler or error page of the application can remove a challenge.

Spec: RFC 6750 3 (RS-16)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fapikit.errors import ConfigurationError, FapiError, StoreError
from fapikit.flow import Flow
from rskit.access import Access
from rskit.decision import Refusal
from rskit.errors import NoCredentials
from rskit.possession.credentials import scheme_used
from rskit.request_view import RequestView
from rskit.tokens.token import Token

if TYPE_CHECKING:
    from rskit.resource_server import ResourceServer

KEY: Final = "rskit"
"""Where the middlewares keep it: `scope["rskit"]`, `environ["rskit"]`."""
TOKEN_KEY: Final = "rskit.token"
"""The key of a WSGI environ for the token of a request that has one."""


class Compared(NamedTuple):
    """The details that a route with `Access(details=...)` has compared, and how to read a header of its request."""

    details: tuple[Mapping[str, Any], ...]
    header: Callable[[str], Sequence[str]]


NOTHING_COMPARED: Final = Compared((), lambda _: ())


class CheckedRequest:
    """One checked request. `token` is None on a public route that was called without credentials.

    `over`: the application has finished the request. `compared`: what its route has compared with the grant.
    `cross_origin`: see `RequestView`.
    """

    __slots__ = (
        "_signature",
        "compared",
        "cross_origin",
        "over",
        "refusal",
        "server",
        "started",
        "token",
        "view",
    )

    def __init__(self, server: ResourceServer, view: RequestView, token: Token | None) -> None:
        self.server = server
        self.view = view
        self.cross_origin = view.cross_origin
        self.token = token
        self.refusal: Refusal | None = None
        self.compared = NOTHING_COMPARED
        self.started = False
        self.over = False

    @property
    def signature(self) -> Any | None:
        """What verified of a signed request (`rskit.signed_messages`), for evidence. None if nothing did."""
        return getattr(self, "_signature", None)  # not set for each request: few are signed

    @signature.setter
    def signature(self, signature: Any) -> None:
        self._signature = signature

    def response_headers(self, *, nonce: bool) -> list[tuple[str, str]]:
        """`ResourceServer.response_headers` for this request."""
        return self.server.response_headers(self.view, nonce=nonce)

    def require_token(self) -> Token:
        """The token. Raises LookupError on a public route that was called without one."""
        if self.token is None:
            raise LookupError("this request has no access token: the route is public")
        return self.token

    def require(self, access: Access) -> Token:
        """Check what the route requires, except details and `fresh`. Raises the refusal."""
        if self.token is None:
            raise NoCredentials("no access token came with the request")
        access.require(self.token, now=self.server.clock(), skew=self.server.profile.clock_skew)
        if access.signed and self.signature is None:
            raise self.server.unsigned()
        return self.token

    def require_fresh(self, access: Access) -> Flow[Token]:
        """Verify the token again, for a route with `fresh=True`. Raises the refusal."""
        self.token = yield from self.server.check_again(self.view, self.require(access))
        return self.require(access)

    def require_details(self, access: Access, needed: object, header: Callable[[str], Sequence[str]]) -> None:
        """Require that the grant covers what the request needs. Raises InsufficientDetails.

        `header` returns the values of a request header by its name.
        """
        details = access.require_details(self.require_token(), needed, now=self.server.clock())
        self.compared = Compared(details, header)

    def once(self, name: str, ttl: float) -> Flow[bool]:
        """`ResourceServer.once` for this request. If the store cannot answer, the request is answered 503.

        A route that compares authorization details is refused: a consent lasts longer than any `ttl` chosen here. Use
        `use_consent` there. Raises ConfigurationError, StoreError; the middleware answers, whatever the application
        does with the exception.
        """
        try:
            if self.compared.details:
                raise ConfigurationError(
                    "this route has Access(details=...): call use_consent, which remembers the consent until it ends; "
                    "once(name, ttl) would forget it earlier"
                )
            return (yield from self.server.once(name, ttl))
        except (ConfigurationError, StoreError) as error:
            self.refuse(error)
            raise

    def refuse(self, error: FapiError) -> Refusal | None:
        """Refuse from inside the route. The middleware sends this instead of the application's answer.

        Returns None if refusals are only observed; then the route continues.
        """
        refusal = self.server.refuse(error, self.view, scheme_used(self.view))
        if self.server.excuses(refusal, self.view, self.token):
            return None
        self.refusal = refusal
        return refusal

    def stop(self, error: FapiError) -> Refusal:
        """Refuse what is never only observed. The handler must not continue."""
        self.refusal = self.server.refuse(error, self.view, scheme_used(self.view))
        return self.refusal

    def __repr__(self) -> str:
        return f"CheckedRequest({self.token!r})"
