"""The scan of an authorization server: an honest login first and last, and between them each attack.

Spec: FAPI2-SP 5.3.2
Role: AS
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Final

import httpx

from askit.attacks.attack import Attack
from askit.attacks.exchange import Exchange, SignIn, accepted
from askit.attacks.families import ATTACKS
from askit.attacks.party import Party
from fapikit.scan_report import Finding, NotLookedAt, Outcome, ScanReport

LOGGER: Final = logging.getLogger("askit.attacks")


def attacks() -> tuple[Attack, ...]:
    """The attacks, in the order in which they are played."""
    return ATTACKS


def find_holes(
    issuer: str,
    party: Party,
    sign_in: SignIn,
    *,
    http: httpx.Client | None = None,
    other: Party | None = None,
    only: Iterable[Attack] | None = None,
) -> ScanReport:
    """The names of the attacks that this server did not refuse: an empty list is what you want.

    `issuer`: its base URL, exactly as its metadata name it. `sign_in(browser, url)`: your test user signs in and
    agrees; it returns the URL that the browser is sent back to. `other`: a second client, for what one client must not
    do with the codes of another. `only`: some of `attacks()`. `http`: how the server is reached, such
    as `httpx.Client(verify=...)`.

    Raises AssertionError if the honest login does not pass before and after: then nothing is shown. Raises what `http`
    raises.
    """
    if http is None:
        with httpx.Client() as own:
            return find_holes(issuer, party, sign_in, http=own, other=other, only=only)
    began = time.monotonic()
    exchange = Exchange(issuer, party, sign_in, http, other)
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    unseen: dict[str, NotLookedAt] = {}
    _honest(exchange)
    for attack in ATTACKS if only is None else only:
        came = attack.play(exchange)
        if isinstance(came, NotLookedAt):
            unseen[came.what] = came
            continue
        outcomes.append(Outcome(attack.name, "refused", came or "refused", attack.clause))
        if came is not None:
            findings.append(_finding(attack, came))
    _honest(exchange)
    report = ScanReport(
        findings,
        unseen.values(),
        target=f"the server {issuer}",
        attacks=len(outcomes),
        requests=exchange.requests,
        seconds=time.monotonic() - began,
        outcomes=outcomes,
    )
    # A test that fails on `== []` shows only names, and pytest prints the log next to it.
    LOGGER.log(logging.WARNING if report else logging.INFO, "%s", report.text())
    return report


def _honest(exchange: Exchange) -> None:
    begun = exchange.begun()
    accepted(exchange.redeem(begun, exchange.code(begun)))
    exchange.seen.clear()


def _finding(attack: Attack, came: str) -> Finding:
    return Finding(attack.name, attack.sends, came, attack.means, attack.clause, attack.remedy)
