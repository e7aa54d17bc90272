"""A stranger's request on its way to the public endpoint that it asked for: nothing else runs, nothing else answers.

The door asks which endpoint would answer, and what of the application would run before it. Gates further in ask again
with the request as it comes there; what is no longer the same is refused before it runs.

Spec: FAPI2-SP 5.3.4-4; RFC 6750 3
Role: RS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rskit.errors import NoCredentials
from rskit.policy.admission import Admission
from rskit.policy.around_public import AroundPublic
from rskit.policy.current import CURRENT
from rskit.request_view import RequestView

if TYPE_CHECKING:
    from rskit.resource_server import ResourceServer


class Way(NamedTuple):
    """From the door to what would answer a request.

    `route`: what the framework knows the endpoint by; text is compared as text, all else by identity. `public`: whether
    the endpoint is, or may be. `layers`: what of the application would run around it. `gates`: so many routers are
    passed. `hides`: what does not show where it leads, so that it is not known whether the way is this one.
    """

    method: str
    path: str
    route: Any
    endpoint: Any
    public: bool
    layers: tuple[object, ...] = ()
    gates: int = 1
    hides: object = None

    def ends_as(self, other: Way) -> bool:
        """Whether both end at one endpoint, asked in one way."""
        by_text = isinstance(self.route, str) and self.route == other.route
        same_route = self.route is other.route or by_text
        return same_route and self.endpoint is other.endpoint and self.method == other.method


class Visit(Admission):
    """`asked`: the way to the public endpoint that this request was let in for. `reached`: it has come there."""

    __slots__ = ("around_public", "asked", "reached")

    def __init__(
        self, server: ResourceServer, view: RequestView, asked: Way, around_public: AroundPublic
    ) -> None:
        super().__init__(server, view, None)
        self.asked = asked
        self.around_public = around_public
        self.reached = False

    def passes(self, found: Way | None, *, last: bool) -> bool:
        """At a gate: whether what the request would come to from here is what was asked about.

        `last`: no further gate stands before the endpoint.
        """
        if self.refusal is not None:
            return False
        if found is None or not found.ends_as(self.asked):
            return self._strayed()
        self.reached = self.reached or last
        return True

    def answer_in_its_place(self, status: int) -> None:
        """An answer begins before the endpoint is reached. What is named in around_public may refuse, and no more."""
        if status < 400:
            self._strayed()

    def _strayed(self) -> bool:
        """False, unless refusals are only observed."""
        return (
            self.refuse(NoCredentials("what would answer is not the public endpoint that was asked for"))
            is None
        )


def visit_in(found: object) -> Visit | None:
    """The visit under way, of what a request carries; of the context where a layer has dropped that."""
    if type(found) is Visit:
        return found
    current = CURRENT.get() if found is None else None
    # What the endpoint itself asks of the application, once it runs, is its own business.
    return current if type(current) is Visit and not current.reached else None
