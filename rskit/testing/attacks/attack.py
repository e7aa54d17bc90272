"""One attack as data: what is sent, how the answer is judged, and the words that explain it.

Spec: FAPI2-SP 5.3.4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Final, NamedTuple, TypeAlias

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Answer, Headers

REFUSALS: Final = frozenset({400, 401, 403})
TOO_LARGE: Final = frozenset({413, 414, 431})
_NO_SUCH_THING: Final = frozenset({501, 503, 505})

Request: TypeAlias = tuple[str, Headers]
"""URL and headers."""

Came: TypeAlias = "str | NotLookedAt | None"
"""What got through: the status, or another description; None if everything was refused."""


class Trial(NamedTuple):
    """What is known when an attack is judged. `honest`: the answer to the honest request. `ran`: whether the endpoint
    ran, if that is known. `serves_without_token`: whether any path is served without a token."""

    answers: Sequence[Answer]
    honest: Answer
    ran: bool | None
    serves_without_token: bool


class Words(NamedTuple):
    """Describes an attack: what it sends, what a success means, the clause, and the remedy."""

    sends: str
    means: str
    clause: str
    remedy: str


NO_WORDS: Final = Words("", "", "", "")


def last_is_refused(trial: Trial, tolerated: frozenset[int]) -> Came:
    """For requests with a token: any answer but a refusal is a hole, also an error of the server."""
    status = trial.answers[-1].status
    return None if status in REFUSALS | tolerated else str(status)


def only_one_is_taken(trial: Trial, tolerated: frozenset[int]) -> Came:
    """For replays, one after another or all at once."""
    taken = [answer.status for answer in trial.answers if answer.status not in REFUSALS | tolerated]
    if not taken:
        return NOTHING_TO_REPLAY
    return str(taken[1]) if len(taken) > 1 else None


def is_not_served_without_token(trial: Trial, tolerated: frozenset[int]) -> Came:
    """For requests without a token, where the method or path may have no route: only being served is a hole."""
    answer = trial.answers[-1]
    status = answer.status
    if trial.ran:
        return f"{status}, and the endpoint ran"
    if status in tolerated or trial.ran is False:
        return None
    if status >= 500 and status not in _NO_SUCH_THING:
        return str(status)
    if not (200 <= status < 300 or status == 101):
        return None
    return _is_the_same(trial) if trial.serves_without_token else str(status)


def spelled_otherwise_is_refused(trial: Trial, tolerated: frozenset[int]) -> Came:
    """For a token that grants less than needed, at a spelling of the path where the honest token was served."""
    came = last_is_refused(trial, tolerated)
    return came if came is None or not trial.serves_without_token else _is_the_same(trial)


def _is_the_same(trial: Trial) -> Came:
    """If every path serves some page without a token, only an answer equal to the honest one shows a hole."""
    answer = trial.answers[-1]
    if answer.body is None or not trial.honest.body:
        return PUBLIC_CATCH_ALL
    return str(answer.status) if answer.body == trial.honest.body else None


Judge: TypeAlias = Callable[[Trial, frozenset[int]], Came]


class Attack(NamedTuple):
    """Requests to send one after another, with URL and headers of each. The last one must be refused.

    `method` and `body` are used in every request. `control`: a request that must pass; if it does not, the attack shows
    nothing and `unless` is reported as not looked at. `via`: the worker for each request. `at_once`: send all at once.
    `tolerated`: further statuses that count as refusals. `odd`: some clients cannot send this request.
    """

    name: str
    requests: tuple[Request, ...]
    method: str = "GET"
    body: bytes = b""
    control: Request | None = None
    unless: NotLookedAt | None = None
    via: tuple[int, ...] = ()
    at_once: bool = False
    tolerated: frozenset[int] = frozenset()
    odd: bool = False
    judge: Judge = last_is_refused
    words: Words = NO_WORDS

    def steps(self) -> list[Step]:
        workers = self.via or (0,) * len(self.requests)
        return [
            Step(url, headers, self.method, self.body, worker, self.odd)
            for (url, headers), worker in zip(self.requests, workers, strict=True)
        ]


class Step(NamedTuple):
    """One request: its worker, and whether some clients cannot send it."""

    url: str
    headers: Headers
    method: str
    body: bytes = b""
    worker: int = 0
    odd: bool = False


class Story(NamedTuple):
    """An attack whose next request depends on the last answer, on the time, or on an event in between."""

    name: str
    tell: Callable[[], Generator[Step, Answer, Came]]


PUBLIC_CATCH_ALL: Final = NotLookedAt(
    "paths beside the route",
    "any path is served without a token, so the status does not show whether it was a protected one",
    "let send return the body as well, or give Reach(reached=...)",
)
NOTHING_TO_REPLAY: Final = NotLookedAt(
    "a replay",
    "the request that was to be replayed was refused",
    "find out why this honest request is refused",
)
