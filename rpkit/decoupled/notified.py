"""How a process waits for a ping or a push: it looks into the store, where a worker of the site has put it.

A ping lets the next poll be made at once. Without one the server is polled now and then, in case the ping was lost.

Spec: CIBA 7.3b, 10.1b, 10.2b, 10.3.1
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import StoreError
from fapikit.flow import Flow, sleep
from fapikit.secrets import Secret
from rpkit.bank import Bank
from rpkit.decoupled.notifications import Notification, heard_notification
from rpkit.decoupled.polling import Pause
from rpkit.decoupled.request import DecoupledRequest
from rpkit.errors import RequestExpired, WaitCancelled, WrongNotificationToken

LOOK: Final = 1.0
"""In seconds: between two looks into the store."""
SAFETY_NET: Final = 30.0
"""In seconds: between two polls while no ping has come, unless the interval is longer."""


def ping_pause(bank: Bank, request: DecoupledRequest, token: Secret) -> Pause:
    """The pauses of `poll` for a client that is pinged. They end with the ping, but not before the interval does."""
    polled = heard = False

    def pause(seconds: float) -> Flow[None]:
        nonlocal polled, heard
        if polled:
            yield from sleep(seconds, alarm=request.cancelled)
        if not heard:
            left = request.expires_at - bank.now() - LOOK
            longest = min(max(seconds, SAFETY_NET), left) - (seconds if polled else 0.0)
            try:
                heard = (yield from _heard_within(bank, request, token, longest)) is not None
            except (StoreError, WrongNotificationToken):  # then it is polled as if there were no pings
                yield from sleep(0.0 if polled else seconds, alarm=request.cancelled)
        polled = True

    return pause


def pushed_notification(
    bank: Bank, request: DecoupledRequest, token: Secret, *, until: float
) -> Flow[Notification]:
    """The push of this request, also if it came long ago.

    Raises RequestExpired, WaitCancelled; StoreError if the store does not answer until the end.
    """
    notification = yield from _heard_within(bank, request, token, until - bank.now())
    if notification is not None:
        return notification
    if request.cancelled.rung:
        raise WaitCancelled("the wait for the decision of the user was cancelled", clause=request.clause)
    raise RequestExpired(
        "the request expired, and no push came: begin a new one. If none ever comes, the client may not be registered"
        " for push, or not with the URL of this site as backchannel_client_notification_endpoint",
        clause=request.clause,
    )


def _heard_within(
    bank: Bank, request: DecoupledRequest, token: Secret, seconds: float
) -> Flow[Notification | None]:
    """The notification; None after so many seconds, or when the wait is cancelled. It looks at least once.

    Raises StoreError if the last look failed.
    """
    end = bank.now() + seconds
    while True:
        failure = None
        try:
            found = yield from heard_notification(bank, token, request.reference)
        except StoreError as error:
            found, failure = None, error
        left = end - bank.now()
        if found is not None or request.cancelled.rung:
            return found
        if left <= 0:
            if failure is not None:
                raise failure
            return None
        yield from sleep(min(LOOK, left), alarm=request.cancelled)
