"""A stranger's request on its way to the public endpoint that it asked for: nothing else runs, nothing else answers.

The door asks which endpoint would answer, and what of the application would run before it. Gates further in ask again
with the request as it comes there; what is no longer the same is refused before it runs.

Spec: FAPI2-SP 5.3.4-4; RFC 6750 3
Role: RS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rskit.errors import NoCredentials
from rskit.policy.checked_request import CheckedRequest
from rskit.policy.current import CURRENT
from rskit.policy.door import Door
from rskit.policy.way import Way
from rskit.request_view import RequestView

if TYPE_CHECKING:
    from rskit.resource_server import ResourceServer


class Visit(CheckedRequest):
    """`asked`: the way to the public endpoint that this request was let in for. `reached`: it has come there."""

    __slots__ = ("asked", "door", "reached")

    def __init__(self, server: ResourceServer, view: RequestView, asked: Way, door: Door) -> None:
        super().__init__(server, view, None)
        self.asked = asked
        self.door = door
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
