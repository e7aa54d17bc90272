"""A pause for an endpoint of an issuer that does not answer: requests get 503 at once instead of one more timeout.

Spec: RFC 9110 15.6.4 (RS-7, RS-8)
Role: RS
"""

from __future__ import annotations

import copy
from typing import Final, TypeVar

from fapikit.clock import Clock
from fapikit.errors import TransportError, Unreachable
from fapikit.flow import Flow

T = TypeVar("T")

COOL_DOWN: Final = 5.0
"""Seconds. `Retry-After` says the same."""
TRY_EVERY: Final = 1.0
"""Seconds between two tries after the pause, whether or not the earlier try has ended."""


class CoolDown:
    """The pause of one endpoint, for all requests that need it. No lock: two threads may both try the endpoint.

    `others`: the CoolDown of other requests to the same endpoint. An answer here ends their pause too; their failures
    do not count here. So tokens that passed before have a pause of their own, which unknown tokens cannot cause.
    """

    __slots__ = ("_answered_at", "_clock", "_failure", "_others", "_tried_at")

    def __init__(self, clock: Clock, *, others: CoolDown | None = None) -> None:
        self._clock = clock
        self._others = others
        self._failure: tuple[float, TransportError] | None = None
        self._answered_at = self._tried_at = float("-inf")

    @property
    def failure(self) -> TransportError | None:
        """Of the last try; None if it got an answer, or there was no try yet."""
        return None if self._failure is None else self._failure[1]

    def require(self) -> None:
        """Raises the last failure while the pause lasts."""
        if self._failure is not None and 0 <= self._clock() - self._failure[0] < COOL_DOWN:
            raise self._again(self._failure[1])

    def attempt(self, flow: Flow[T]) -> Flow[T]:
        """The outcome of `flow`, a request to the endpoint. After a failure, one request a second is sent until it
        answers.

        A running try does not delay the next one. Otherwise one request that the endpoint cannot answer, which anybody
        can send, would stop all others.
        Raises what `flow` raises, or at once the last failure. Only a missing answer is a failure, and only if no later
        request was answered. So one token that the server cannot handle, or one lost packet, blocks no other request.
        """
        self.require()
        now = self._clock()
        trying = self._failure is not None
        if self._failure is not None and 0 <= now - self._tried_at < TRY_EVERY:
            raise self._again(self._failure[1])
        if trying:
            self._tried_at = now
        try:
            result = yield from flow
        except Unreachable as error:
            if self._answered_at <= now:
                self.failed(error)
            raise
        except TransportError:
            self.answered()
            raise
        finally:
            if trying and self._tried_at == now:
                self._tried_at = float("-inf")
        self.answered()
        return result

    def failed(self, error: TransportError) -> None:
        self._failure = (self._clock(), error)

    def answered(self) -> None:
        self._failure = None
        self._answered_at = self._clock()
        if self._others is not None:
            self._others.answered()

    def _again(self, error: TransportError) -> TransportError:
        return copy.copy(error)  # a raised error has a traceback: each request raises its own

    def __repr__(self) -> str:
        return f"CoolDown({'failed' if self._failure else 'answers'})"
