"""The scan: which requests are sent in which order, and what the answers mean. It sends nothing itself.

Honest requests are sent before and after the attacks, because an API that refuses everything refuses attacks too.

Spec: FAPI2-SP 5.3.4; RFC 9449 8.2
Role: RS
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterator
from typing import Final, NamedTuple, TypeAlias, TypeVar

from fapikit.scan_report import Finding, NotLookedAt, ScanReport
from rskit.testing.attacks.answer import Answer, Headers
from rskit.testing.attacks.attack import REFUSALS, Attack, Came, Step, Story, Trial
from rskit.testing.attacks.declared import Family, Row
from rskit.testing.attacks.families import FAMILIES
from rskit.testing.attacks.families.nonces import NONCES
from rskit.testing.attacks.forger import Forger
from rskit.testing.attacks.jws import nonce_of

T = TypeVar("T")
_OPENED: Final = 101


class Unsent(NamedTuple):
    """Instead of an answer: the client cannot send this odd request."""

    why: str


Asking: TypeAlias = Generator[tuple[Step, ...], "tuple[Answer | Unsent, ...]", T]
"""Yields requests to send, several if they are sent at the same time. Receives their answers."""


class Scan:
    """The scan for one honest request. Drive `run` to its end; then there is a `report`."""

    def __init__(self, forger: Forger) -> None:
        self._forger, self._reach = forger, forger.reach
        self._findings: list[Finding] = []
        self._unseen: dict[str, NotLookedAt] = {}
        self._attacks = self._requests = 0
        self._honest = Answer(0)
        self._serves_strangers = self._nonce_ended = False
        self._used: set[str] = set()
        self._began = time.monotonic()

    def run(self) -> Asking[None]:
        """Raises AssertionError if an honest request is refused before or after, because then nothing is shown."""
        yield from self._require_honest()
        yield from self._look_around()
        left = 0
        for family, row in self._rows():
            if time.monotonic() - self._began > self._reach.seconds:
                left += 1
            else:
                yield from self._try(family, row)
        if left:
            self._note(_out_of_time(left))
        yield from self._require_honest()

    def report(self) -> ScanReport:
        return ScanReport(
            self._findings,
            self._unseen.values(),
            target=f"{self._forger.method} {self._forger.url}",
            attacks=self._attacks,
            requests=self._requests,
            seconds=time.monotonic() - self._began,
        )

    def _require_honest(self) -> Asking[None]:
        """Send it as the mint makes it, and as the forger does. An attack is the forger's request with one change."""
        forger, before = self._forger, self._count()
        answer = yield from self._ask_honestly(self._minted())
        forger.tells_answers = answer.headers is not None
        if _wants_nonce(answer):
            forger.nonces = True
            answer = yield from self._ask_honestly(self._minted())
        _require_accepted(answer)
        self._honest = answer
        if before is not None and self._count() == before:
            raise AssertionError(
                "Reach(reached=...) did not count the honest request: let it count the runs of this endpoint"
            )
        if not forger.mint.opaque:
            _require_accepted((yield from self._ask_honestly(forger.honest())))

    def _minted(self) -> Headers:
        forger = self._forger
        made = forger.mint.headers(
            forger.method, forger.url, bound=forger.bound, nonce=forger.nonce, **forger.granted
        )
        return list(made.items())

    def _ask_honestly(self, headers: Headers) -> Asking[Answer]:
        (answer,) = yield from self._ask(self._forger.step(headers))
        assert isinstance(answer, Answer)  # noqa: S101 - only an odd request is ever unsent
        return answer

    def _look_around(self) -> Asking[None]:
        """Whether any other URL is served without a token. Then a status says little about other paths."""
        forger = self._forger
        nowhere = f"{forger.origin}/fapikit-{secrets.token_hex(4)}"
        (there,) = yield from self._ask(Step(nowhere, [], forger.method, odd=True))
        (here,) = yield from self._ask(Step(forger.url, [], forger.method))
        if not _is_success(self._honest):
            self._note(_served_with(self._honest.status))
        self._serves_strangers = _is_success(there) and not _is_success(here)
        if self._reach.reached is None:
            self._note(SIDE_EFFECTS)

    def _rows(self) -> Iterator[tuple[Family, Row]]:
        for family in FAMILIES:
            missing = family.needs(self._forger)
            if missing is None:
                yield from ((family, row) for row in family.rows)
            else:
                self._note(missing)

    def _try(self, family: Family, row: Row) -> Asking[None]:
        """Send one attack. If its nonce has ended meanwhile, it takes the new one and tries again, as clients do."""
        came: Came = None
        name = row.name
        for _ in range(2):
            made = row.make(self._forger)
            if not isinstance(made, Attack | Story):
                came = made
                break
            self._nonce_ended, self._used = False, set()
            name = f"{row.name}{made.name}"
            came = yield from (self._send(made, name) if isinstance(made, Attack) else self._tell(made))
            if not self._nonce_ended or family is NONCES:
                self._attacks += 1
                break
            came = NONCE_ENDED
        if isinstance(came, NotLookedAt):
            self._note(came)
        elif came is not None:
            self._findings.append(family.finding(row, came)._replace(attack=name))

    def _send(self, attack: Attack, name: str) -> Asking[Came]:
        if attack.control is not None:
            url, headers = attack.control
            (first,) = yield from self._ask(Step(url, headers, attack.method, odd=attack.odd))
            if not (_is_success(first) or _is_opened(first)):
                return attack.unless
        batches = [tuple(attack.steps())] if attack.at_once else [(step,) for step in attack.steps()]
        answers: list[Answer] = []
        ran = None
        for batch in batches:
            before = self._count()
            for answer in (yield from self._ask(*batch)):
                if isinstance(answer, Unsent):
                    return _cannot_send(name, answer)
                answers.append(answer)
            ran = None if before is None else self._count() != before
        trial = Trial(answers, self._honest, None if attack.at_once else ran, self._serves_strangers)
        came = attack.judge(trial, attack.tolerated)
        if came is None and trial.ran:
            return f"{answers[-1].status}, and the endpoint ran"
        return came

    def _tell(self, story: Story) -> Asking[Came]:
        telling = story.tell()
        try:
            step = next(telling)
            while True:
                (answer,) = yield from self._ask(step)
                assert isinstance(answer, Answer)  # noqa: S101 - only an odd request is ever unsent
                step = telling.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _ask(self, *steps: Step) -> Asking[tuple[Answer | Unsent, ...]]:
        self._requests += len(steps)
        answers = yield steps
        for step, answer in zip(steps, answers, strict=True):
            proofs = {value for name, value in step.headers if name == "DPoP"}
            if isinstance(answer, Answer):
                self._take_nonce(answer, proofs - self._used)
            self._used |= proofs
        return answers

    def _take_nonce(self, answer: Answer, fresh: set[str]) -> None:
        """A new proof that is refused for its nonce shows nothing. A replayed proof is refused for the replay."""
        nonce = answer.header("dpop-nonce")
        if nonce is None:
            return
        if _wants_nonce(answer) and any(nonce_of(proof) not in (None, nonce) for proof in fresh):
            self._nonce_ended = True
        self._forger.nonce = nonce

    def _count(self) -> int | None:
        reached = self._reach.reached
        return None if reached is None else reached()

    def _note(self, unseen: NotLookedAt) -> None:
        """One entry for each thing. The reasons of similar ones are joined."""
        known = self._unseen.get(unseen.what)
        if known is not None and unseen.why not in known.why:
            unseen = unseen._replace(why=f"{known.why}; {unseen.why}")
        elif known is not None:
            return
        self._unseen[unseen.what] = unseen


def _wants_nonce(answer: Answer) -> bool:
    return answer.status == 401 and "use_dpop_nonce" in (answer.header("www-authenticate") or "")


def _is_success(answer: Answer | Unsent) -> bool:
    return isinstance(answer, Answer) and 200 <= answer.status < 300


def _is_opened(answer: Answer | Unsent) -> bool:
    return isinstance(answer, Answer) and answer.status == _OPENED


def _require_accepted(answer: Answer) -> None:
    if answer.status in REFUSALS or answer.status == 429 or answer.status >= 500:
        blind = answer.status == 401 and answer.headers is None
        hint = (
            " (if it requires a DPoP nonce, let send return the response, which contains it)" if blind else ""
        )
        raise AssertionError(
            f"the honest request was answered with {answer.status}, so attacks show nothing: make it pass first{hint}"
        )


def _cannot_send(name: str, unsent: Unsent) -> NotLookedAt:
    return NotLookedAt(
        "requests that send does not make",
        f"{name} ({unsent.why})",
        "a send that writes requests as they are, such as AsgiSender, WsgiSender or a socket",
    )


def _served_with(status: int) -> NotLookedAt:
    return NotLookedAt(
        "what is served without a token",
        f"the honest request is answered with {status}, so a status does not show whether a request was served",
        "an honest request that is answered with 200",
    )


def _out_of_time(left: int) -> NotLookedAt:
    return NotLookedAt(
        "the rest",
        f"{left} attacks were not sent, because the time was over",
        "Reach(seconds=...) with more seconds, or a faster send",
    )


NONCE_ENDED: Final = NotLookedAt(
    "attacks that lacked a nonce",
    "each answer requires a new nonce",
    "a server whose nonces last for some seconds",
)
SIDE_EFFECTS: Final = NotLookedAt(
    "side effects",
    "it is not seen whether the endpoint ran before a request was refused",
    "Reach(reached=...)",
)
