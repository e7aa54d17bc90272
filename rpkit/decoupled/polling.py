"""When a decoupled request is polled: the rules that device authorization and CIBA share.

`poll` calls `ask` again and again until the user has decided. `ask` is one call to the token endpoint: a flow that
returns the tokens or raises the error of the response, such as `request_tokens`. What follows the tokens (the
verification of an ID token, say) is not part of it: a failure there must not lead to another poll.

Spec: RFC 8628 3.2b, 3.5a, 3.5b, 3.5c, 3.5d; CIBA 7.3b, 11a; RFC 9110 10.2.3
Role: C
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Final, NoReturn, TypeAlias, TypeVar

from fapikit.clock import Clock
from fapikit.errors import PeerRefused, Remedy, StoreUnavailable, UnexpectedStatus, Unreachable
from fapikit.flow import Alarm, Flow, sleep
from rpkit.errors import RequestDenied, RequestExpired, ServerBusy, WaitCancelled

T = TypeVar("T")

Pause: TypeAlias = Callable[[float], Flow[object]]
"""Waits until the next poll: these seconds; less if a ping lets it be made sooner; more while a ping is awaited."""

DEFAULT_INTERVAL: Final = 5.0
"""In seconds: the interval of a response without `interval`."""
SLOW_DOWN: Final = 5.0
"""In seconds: what `slow_down` adds to the interval, for this and all later polls."""
MIN_INTERVAL: Final = 1.0
"""In seconds. A server that says less is not polled faster."""
MAX_BACK_OFF: Final = 60.0
"""In seconds: the longest pause after failures of the network, unless the interval or Retry-After is longer."""
MAX_LIFETIME: Final = 86_400.0
"""In seconds: the longest time that a request is waited for, whatever its `expires_in`."""

_EXPIRED: Final = "nobody decided before the request expired: begin a new one when the user asks for it"
_UNDECIDED: Final = ("authorization_pending", "slow_down")


def interval_of(value: float | None) -> float:
    """The interval to begin with, from the `interval` of a response."""
    if value is None or not isfinite(value) or value < 0:
        return DEFAULT_INTERVAL
    return max(value, MIN_INTERVAL)


def poll(
    ask: Callable[[], Flow[T]],
    *,
    clock: Clock,
    expires_at: float,
    interval: float,
    cancelled: Alarm | None = None,
    pause: Pause | None = None,
    clause: str = "RFC 8628 3.5c",
) -> Flow[T]:
    """The result of the first `ask` that succeeds. Before each one, the first too, it waits for `interval` seconds.

    After `authorization_pending` it goes on, after `slow_down` with an interval that is 5 s longer. If the network or
    the store fails, the server is busy or answers with 5xx, each pause is twice as long as the last; Retry-After is
    kept. Any other error ends it: access_denied as RequestDenied, expired_token as RequestExpired, others as they are.
    The last poll comes just before the end, because what is decided after it is lost.

    `expires_at`: from then on there are no polls: RequestExpired. `cancelled`: when it rings, WaitCancelled is raised.
    `pause`: how to wait, instead of sleeping until `cancelled` rings. `clause`: of the errors raised here.
    """
    wait, failures = interval, 0
    last: Exception | None = None
    while True:
        if clock() + wait >= expires_at:
            raise RequestExpired(_EXPIRED, clause=clause) from last
        yield from (
            pause(wait)
            if pause is not None
            else sleep(_stretched(wait, interval, left=expires_at - clock()), alarm=cancelled)
        )
        if cancelled is not None and cancelled.rung:
            raise WaitCancelled("the wait for the decision of the user was cancelled", clause=clause)
        if clock() >= expires_at:  # this host slept longer than that
            raise RequestExpired(_EXPIRED, clause=clause) from last
        try:
            return (yield from ask())
        except (PeerRefused, ServerBusy, UnexpectedStatus, Unreachable, StoreUnavailable) as error:
            asked = _least_pause(error, clause)
            if _code_of(error) == "slow_down":
                interval += SLOW_DOWN
            failures = 0 if _code_of(error) in _UNDECIDED else failures + 1
            last = error
        wait = max(interval, _back_off(interval, failures, left=expires_at - clock()), asked)


def _least_pause(error: Exception, clause: str) -> float:
    """The seconds that this error asks to wait, if it lets the polls go on. Otherwise it ends them, and is raised."""
    if isinstance(error, ServerBusy):
        return error.retry_after or 0.0
    if isinstance(error, UnexpectedStatus):
        if error.remedy is not Remedy.RETRY_LATER:
            raise error
        return 0.0
    if not isinstance(error, PeerRefused):
        return 0.0
    if error.peer_code in _UNDECIDED:
        return 0.0
    raise_decision(error, clause)


def raise_decision(error: PeerRefused, clause: str) -> NoReturn:
    """Raise access_denied as RequestDenied, expired_token as RequestExpired, any other refusal as it is."""
    if error.peer_code == "access_denied":
        words = f': "{error.peer_description}"' if error.peer_description else ""
        raise RequestDenied(
            f"the user or the server refused the request{words}",
            clause=clause,
            peer_description=error.peer_description,
        ) from error
    if error.peer_code == "expired_token":
        raise RequestExpired(_EXPIRED, clause=clause) from error
    raise error


def _code_of(error: Exception) -> str | None:
    return error.peer_code if isinstance(error, PeerRefused | ServerBusy) else None


def _stretched(wait: float, interval: float, *, left: float) -> float:
    """The pause, longer if no further poll would fit after it: then this one is the last, just before the end."""
    last = left - MIN_INTERVAL
    return last if wait < last < wait + interval else wait


def _back_off(interval: float, failures: int, *, left: float) -> float:
    """The pause after so many failures one after another. It is cut where no poll would fit before the end."""
    if not failures:
        return interval
    longer = min(interval * 2.0 ** min(failures, 16), max(MAX_BACK_OFF, interval))
    return min(longer, max(interval, left - MIN_INTERVAL))
