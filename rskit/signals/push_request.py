"""What both middlewares know of the POST that brings an event: its path, the budget of its body, what is not read.

Spec: RFC 8935 2.1; RFC 9110 15.5.6
Role: RS
"""

from __future__ import annotations

from typing import Final

from fapikit.signals.push import MAX_BODY, PushAnswer
from rskit.errors import RequestRefused
from rskit.policy.body_budget import BodyBudget

EVENTS_PATH: Final = "/security-events"
BODY: Final = BodyBudget(octets=MAX_BODY, seconds=10.0)
NO_POST: Final = PushAnswer(405, (("allow", "POST"),))


def unread_push(refused: RequestRefused) -> PushAnswer:
    """The answer to a body that is too large, too slow or cut short. Nobody has authenticated, so nothing is logged."""
    return PushAnswer(refused.status, (("cache-control", "no-store"),))
