"""What the outer layer leaves for the route: the token, and room for a refusal that only the outer layer renders.

So no exception handler or error page of the application can drop a challenge.

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
"""Where middlewares keep it: `scope["rskit"]`, `environ["rskit"]`."""
TOKEN_KEY: Final = "rskit.token"
"""Where a WSGI environ has the token of a request that carries one."""


class Compared(NamedTuple):
    """What a route under `Access(details=...)` has compared, and how a header of its request is read."""

    details: tuple[Mapping[str, Any], ...]
    header: Callable[[str], Sequence[str]]


_NOTHING: Final = Compared((), lambda _: ())


class CheckedRequest:
    """One request under check. `token` is None on a public route that was called without credentials.

    `over`: the application is done with it. `compared`: what its route has compared with the grant.
    """

    __slots__ = ("compared", "over", "refusal", "server", "started", "token", "view")

    def __init__(self, server: ResourceServer, view: RequestView, token: Token | None) -> None:
        self.server = server
        self.view = view
        self.token = token
        self.refusal: Refusal | None = None
        self.compared = _NOTHING
        self.started = False
        self.over = False

    def require_token(self) -> Token:
        """The token. Raises LookupError on a public route that was called without one."""
        if self.token is None:
            raise LookupError("this request carries no access token")
        return self.token

    def require(self, access: Access) -> Token:
        """What a route needs, details and `fresh` aside. Raises what refuses it."""
        if self.token is None:
            raise NoCredentials("no access token came with the request")
        access.require(self.token, now=self.server.clock(), skew=self.server.profile.clock_skew)
        return self.token

    def require_fresh(self, access: Access) -> Flow[Token]:
        """The token verified anew, for a route with `fresh=True`. Raises what refuses it."""
        self.token = yield from self.server.check_again(self.view, self.require(access))
        return self.require(access)

    def require_details(self, access: Access, needed: object, header: Callable[[str], Sequence[str]]) -> None:
        """What the request needs is covered by what was granted. Raises InsufficientDetails.

        `header` gives the values of a header of the request by its name.
        """
        self.compared = Compared(access.require_details(self.require_token(), needed), header)

    def once(self, name: str, ttl: float) -> Flow[bool]:
        """`ResourceServer.once` for this request, which is answered 503 where it cannot be known.

        A consent outlives any `ttl` that is chosen here, so a route that compares authorization details is refused:
        `use_consent` uses one up. Raises ConfigurationError, StoreError; whatever the application makes of it, the
        middleware answers.
        """
        try:
            if self.compared.details:
                raise ConfigurationError(
                    "this route is under Access(details=...): use up its consent by use_consent, which remembers it "
                    "until it ends; once(name, ttl) forgets it before"
                )
            return (yield from self.server.once(name, ttl))
        except (ConfigurationError, StoreError) as error:
            self.refuse(error)
            raise

    def refuse(self, error: FapiError) -> Refusal | None:
        """Refuse from inside the route; the middleware sends this instead of what the application answers.

        None where refusals are only observed: then the route goes on.
        """
        refusal = self.server.refuse(error, self.view, scheme_used(self.view))
        if self.server.excuses(refusal, self.view, self.token):
            return None
        self.refusal = refusal
        return refusal

    def stop(self, error: FapiError) -> Refusal:
        """Refuse what can never be only observed: the handler does not go on from here."""
        self.refusal = self.server.refuse(error, self.view, scheme_used(self.view))
        return self.refusal

    def __repr__(self) -> str:
        return f"CheckedRequest({self.token!r})"
