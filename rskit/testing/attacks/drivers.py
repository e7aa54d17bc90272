"""The two drivers of a scan: one sends requests one after another, the other awaits them.

Spec: FAPI2-SP 5.3.4; RFC 8725 3; RFC 9449 4.3; RFC 6750 2 (RS, published attacks)
Role: RS
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from fapikit.scan_report import ScanReport
from rskit.testing.attacks.answer import Answer, read_answer
from rskit.testing.attacks.attack import Attack, Step, last_is_refused, only_one_is_taken
from rskit.testing.attacks.families import FAMILIES
from rskit.testing.attacks.forger import Forger
from rskit.testing.attacks.reach import Reach, Send
from rskit.testing.attacks.scan import Scan, Unsent
from rskit.testing.mint import Mint

LOGGER: Final = logging.getLogger("rskit.testing")
_PLAIN: Final = (last_is_refused, only_one_is_taken)


def find_holes(
    send: Send,
    mint: Mint,
    method: str,
    url: str,
    *,
    bound: bool = True,
    reach: Reach | None = None,
    **claims: Any,
) -> ScanReport:
    """The names of the attacks that were not refused with 400, 401 or 403: an empty list is what you want.

    `claims`: the claims of a token with which this request passes. `scope`, `authorization_details`, `acr` and
    `auth_time` are assumed to be needed, so leave out what the route does not require. `bound=False`: it is a bearer
    token. `reach`: what the scan may use besides `send`. The report, also in the log, says what was not tested.

    Raises AssertionError if the honest request is refused before or after the attacks, because then nothing is shown.
    Raises what `send` raises, except for odd requests that some clients cannot send; the report lists those.
    """
    forger = _forger(send, mint, method, url, bound=bound, reach=reach, claims=claims)
    executor = forger.reach.executor
    forger.concurrent = executor is not None
    scan = Scan(forger)
    asking = scan.run()
    answers: tuple[Answer | Unsent, ...] | None = None

    def ask(step: Step) -> Answer | Unsent:
        try:
            return read_answer(_call(send, forger.reach, step))
        except Exception as error:
            if step.odd:
                return Unsent(f"{type(error).__name__}: {error}")
            raise

    while True:
        try:
            batch = next(asking) if answers is None else asking.send(answers)
        except StopIteration:
            return _logged(scan.report())
        each = executor.map if executor is not None and len(batch) > 1 else map
        answers = tuple(each(ask, batch))


async def afind_holes(
    send: Send,
    mint: Mint,
    method: str,
    url: str,
    *,
    bound: bool = True,
    reach: Reach | None = None,
    **claims: Any,
) -> ScanReport:
    """The same for a `send` that is awaited."""
    forger = _forger(send, mint, method, url, bound=bound, reach=reach, claims=claims)
    forger.concurrent = True
    scan = Scan(forger)
    asking = scan.run()
    answers: tuple[Answer | Unsent, ...] | None = None

    async def ask(step: Step) -> Answer | Unsent:
        try:
            answer = _call(send, forger.reach, step)
            return read_answer(await answer if inspect.isawaitable(answer) else answer)
        except Exception as error:
            if step.odd:
                return Unsent(f"{type(error).__name__}: {error}")
            raise

    while True:
        try:
            batch = next(asking) if answers is None else asking.send(answers)
        except StopIteration:
            return _logged(scan.report())
        answers = tuple(await asyncio.gather(*map(ask, batch)))


def attacks(mint: Mint, method: str, url: str, *, bound: bool = True, **claims: Any) -> Iterator[Attack]:
    """The attacks whose last request must be refused, newly made: for `pytest.mark.parametrize`.

    Attacks that depend on answers, on the time or on a `Reach` are sent only by `find_holes`.
    """
    forger = Forger(mint, method, url, bound=bound, claims=claims, reach=Reach())
    forger.takes_body = True
    for family in FAMILIES:
        if family.needs(forger) is None:
            for row in family.rows:
                made = row.make(forger)
                if isinstance(made, Attack) and made.judge in _PLAIN and made.control is None:
                    yield made._replace(name=f"{row.name}{made.name}", words=family.words(row))


def takes_body(send: Callable[..., object]) -> bool:
    """Whether `send` takes a fourth argument, the body."""
    try:
        inspect.signature(send).bind("POST", "", [], b"")
    except (TypeError, ValueError):
        return False
    return True


def _forger(
    send: Send,
    mint: Mint,
    method: str,
    url: str,
    *,
    bound: bool,
    reach: Reach | None,
    claims: dict[str, Any],
) -> Forger:
    """The signature of `send` shows what it supports."""
    reach = reach or Reach()
    target = reach.target or getattr(send, "target", None)
    forger = Forger(mint, method, url, bound=bound, claims=claims, reach=replace(reach, target=target))
    forger.takes_body = takes_body(send)
    return forger


def _call(send: Send, reach: Reach, step: Step) -> object:
    chosen: Callable[..., object] | None = send
    if step.worker < 0:
        chosen = reach.target
    elif step.worker > 0:
        chosen = reach.workers[step.worker - 1]
    assert chosen is not None  # noqa: S101 - a step goes to what its attack has asked for
    arguments = (step.method, step.url, step.headers)
    return chosen(*arguments, step.body) if step.body else chosen(*arguments)


def _logged(report: ScanReport) -> ScanReport:
    """Log the report: a test that fails on `== []` shows only names, and pytest prints the log next to it."""
    LOGGER.log(logging.WARNING if report else logging.INFO, "%s", report.text())
    return report
