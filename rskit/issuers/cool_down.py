"""An endpoint of an issuer that gives no answer is left alone for a while: 503 at once, not after one more timeout.

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
"""Seconds; what `Retry-After` says too."""
TRY_EVERY: Final = 1.0
"""Seconds between two tries after that, whether or not the one before has ended."""


class CoolDown:
    """Of one endpoint, for all who ask it. No lock: two threads may both try it.

    `others`: what is answered here shows these too that the endpoint answers; their silences say nothing here. So
    tokens that have passed before have a pause of their own, which no stranger's question can begin or prolong.
    """

    __slots__ = ("_answered_at", "_clock", "_failure", "_others", "_tried_at")

    def __init__(self, clock: Clock, *, others: CoolDown | None = None) -> None:
        self._clock = clock
        self._others = others
        self._failure: tuple[float, TransportError] | None = None
        self._answered_at = self._tried_at = float("-inf")

    def require(self) -> None:
        """Raises what failed last, as long as the endpoint is left alone."""
        if self._failure is not None and 0 <= self._clock() - self._failure[0] < COOL_DOWN:
            raise self._again(self._failure[1])

    def attempt(self, flow: Flow[T]) -> Flow[T]:
        """The outcome of `flow`, a question to the endpoint; after a failure one a second asks until it answers.

        A try does not hold off the next until it ends: a question that the endpoint cannot answer would, sent by
        anybody, keep all others from asking theirs.
        Raises what `flow` raises, or at once what failed last. Only silence is a failure, and only if nobody who asked
        later has been answered: a token that one server cannot digest, or one lost packet, shuts out nobody else.
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
        return copy.copy(error)  # a raised error carries a traceback: each request raises its own

    def __repr__(self) -> str:
        return f"CoolDown({'failed' if self._failure else 'answers'})"
