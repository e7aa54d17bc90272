"""A request without a token on its way to a public endpoint: nothing else may run, and nothing else may answer.

Protect determines which endpoint would answer, and which application code would run before it. Gates further inside
determine it again for the request as it arrives there. If the result differs, the request is refused.

Spec: FAPI2-SP 5.3.4-4; RFC 6750 3
Role: RS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rskit.errors import NoCredentials
from rskit.policy.checked_request import CheckedRequest
from rskit.policy.current import CURRENT
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way
from rskit.request_view import RequestView

if TYPE_CHECKING:
    from rskit.resource_server import ResourceServer


class AnonymousRequest(CheckedRequest):
    """`asked`: the way to the public endpoint that Protect has found. `reached`: the request has arrived there."""

    __slots__ = ("asked", "public_access", "reached")

    def __init__(
        self, server: ResourceServer, view: RequestView, asked: Way, public_access: PublicAccess
    ) -> None:
        super().__init__(server, view, None)
        self.asked = asked
        self.public_access = public_access
        self.reached = False

    def passes(self, found: Way | None, *, last: bool) -> bool:
        """For a gate: whether the endpoint found from here is the one that Protect has found.

        `last`: there is no further gate before the endpoint.
        """
        if self.refusal is not None:
            return False
        if found is None or not found.ends_as(self.asked):
            return self._refuse_other_endpoint()
        self.reached = self.reached or last
        return True

    def refuse_other_answer(self, status: int) -> None:
        """Something answers before the endpoint is reached.

        Code named in around_public= may refuse, and nothing else.
        """
        if status < 400:
            self._refuse_other_endpoint()

    def _refuse_other_endpoint(self) -> bool:
        """False, unless refusals are only observed."""
        refusal = NoCredentials("the endpoint that would answer is not the public one that was requested")
        return self.refuse(refusal) is None


def anonymous_request_in(found: object) -> AnonymousRequest | None:
    """The current request without a token: in `scope` or `environ`, or in the context if a layer has removed it."""
    if type(found) is AnonymousRequest:
        return found
    current = CURRENT.get() if found is None else None
    # What the endpoint itself calls in the application is its own business.
    return current if type(current) is AnonymousRequest and not current.reached else None
