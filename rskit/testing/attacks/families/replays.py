"""DPoP proofs that were used before: replayed at once, later, at another worker, or with other octets.

Spec: RFC 9449 11.1; RFC 9449 4.3-11 (RS-3)
Role: RS
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Answer, Headers
from rskit.testing.attacks.attack import REFUSALS, Attack, Came, Step, only_one_is_taken
from rskit.testing.attacks.declared import Family, Made, Maker, Row, needs_proofs, story
from rskit.testing.attacks.families.lifetimes import STANDING_CLOCK
from rskit.testing.attacks.forger import Forger
from rskit.testing.attacks.jws import decode, encode, order_of


def _again(forger: Forger, times: int, **more: Any) -> Attack:
    sent = forger.honest()
    return forger.attack(*[sent] * times, judge=only_one_is_taken, **more)


def _in_another_query(forger: Forger) -> Attack:
    """htu has no query, so for the proof another query is the same URL."""
    sent = forger.honest()
    url = f"{forger.url}{'&' if '?' in forger.url else '?'}again=1"
    return forger.attack(sent)._replace(requests=((forger.url, sent), (url, sent)), judge=only_one_is_taken)


def _rewritten(proof_: str, signature: bytes) -> str:
    return f"{proof_.rpartition('.')[0]}.{encode(signature)}"


def _signed_otherwise(forger: Forger) -> Attack | None:
    """(r, n - s) is as valid a signature as (r, s): the same proof with other octets."""
    order = order_of(forger.client)
    if order is None:
        return None
    token = forger.token()
    first = forger.proof(token)
    octets = decode(first.rpartition(".")[2])
    second = octets[:32] + (order - int.from_bytes(octets[32:], "big")).to_bytes(32, "big")
    return forger.attack(
        forger.headers(token, first),
        forger.headers(token, _rewritten(first, second)),
        judge=only_one_is_taken,
    )


def _signed_anew(forger: Forger) -> Attack:
    """Signed again with the client's key: jti makes it a replay, not the octets."""
    token = forger.token()
    first, second = (forger.proof(token, claims={"jti": "the same name"}) for _ in range(2))
    return forger.attack(forger.headers(token, first), forger.headers(token, second), judge=only_one_is_taken)


def _after_others(forger: Forger) -> Attack:
    sent = forger.honest()
    others: list[Headers] = [forger.honest() for _ in range(30)]
    return forger.attack(sent, *others, sent)


def _at_other_workers(forger: Forger) -> Made:
    workers = len(forger.reach.workers)
    if not workers:
        return ONE_WORKER
    return _again(forger, workers + 1, via=tuple(range(workers + 1)))


def _at_once(forger: Forger) -> Made:
    return _again(forger, 8, at_once=True) if forger.concurrent else ONE_AT_A_TIME


def _later(seconds: float, iat: int) -> Maker:
    """Used once, and again `seconds` later: the replay mark must last longer than the time window."""

    def tell(forger: Forger) -> Generator[Step, Answer, Came]:
        token = forger.token()
        sent = forger.headers(token, forger.proof(token, claims={"iat": forger.now() + iat}))
        first = yield forger.step(sent)
        advance = forger.reach.advance
        if first.status in REFUSALS:
            return None  # this server's window is shorter
        if advance is None:
            return STANDING_CLOCK
        advance(seconds)
        again = yield forger.step(sent)
        return None if again.status in REFUSALS else str(again.status)

    return lambda forger: STANDING_CLOCK if forger.reach.advance is None else story(tell)(forger)


ONE_WORKER: Final = NotLookedAt(
    "a second worker",
    "send reaches one process, or it is not known which: a proof used at one process could pass at another",
    "Reach(workers=[...]) with a send for each further process or host",
)
ONE_AT_A_TIME: Final = NotLookedAt(
    "replays at one moment",
    "requests are sent one after another: a mark that is first read and then written is not detected",
    "Reach(executor=ThreadPoolExecutor()), or afind_holes",
)

REPLAYS: Final = Family(
    "proofs that were used before",
    means="Anybody who sees one request, in a log or at a proxy, can send it again.",
    clause="RFC 9449 11.1",
    remedy="Mark jti and key as used, atomically, in a store that all workers share, as long as iat allows the proof.",
    rows=(
        Row("a proof that was used before", "an honest request, twice", lambda forger: _again(forger, 2)),
        Row(
            "a proof that is used again and again",
            "an honest request, eight times",
            lambda forger: _again(forger, 8),
        ),
        Row(
            "a proof that was used with another query",
            "an honest request, and its proof with another query",
            _in_another_query,
        ),
        Row(
            "a proof that was used, signed otherwise",
            "an honest request, and its proof with the other signature",
            _signed_otherwise,
        ),
        Row("a proof that was used, signed anew", "two proofs of one jti", _signed_anew),
        Row(
            "a proof that was used before thirty others",
            "an honest request, thirty others, and the first again",
            _after_others,
        ),
        Row(
            "a proof that was used at another worker", "an honest request, at each worker", _at_other_workers
        ),
        Row("a proof that is used at one moment", "an honest request, eight times at one moment", _at_once),
        Row(
            "a proof that was used half a minute ago",
            "an honest request, and again after 30 s",
            _later(30, 0),
        ),
        Row(
            "a proof of the future that was used before",
            "a proof dated 25 s ahead, and again after 80 s",
            _later(80, 25),
        ),
    ),
    needs=needs_proofs,
)


FAMILIES: Final = (REPLAYS,)
