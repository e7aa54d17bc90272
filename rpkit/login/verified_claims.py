"""The verified claims of an answer, held against the request: what was asked for is taken, and nothing else.

What was asked for and is missing is reported, and so is what came unasked. Neither is an error, because a server may
give less (IDA 5.7). A plain claim never takes the place of a verified one.

Spec: IDA 5.5.1, 5.5.2, 5.6, 5.7.2, 5.7.4, 7; IDA-S 5.2, 5.4.2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.verified_claims.requested import BrokenRequest, Element, RequestedVerifiedClaims, requests_of
from fapikit.verified_claims.selection import Selection, beyond, select
from rpkit.bank import Bank
from rpkit.errors import WrongRequestedClaim
from rpkit.login.report import LoginReport

_MAX_ENTRIES: Final = 100
"""Of one answer: further ones are not looked at."""
_MAX_PATH: Final = 100
_MAX_NAMED: Final = 20
"""How much of what came unasked is named in a report: the server has chosen the names."""


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """Claims that were verified under one set of rules, as far as they were asked for."""

    trust_framework: str
    verification: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskedVerifiedClaims:
    """What one place of a `claims` parameter asked for. `at`: when that was at the earliest, for `max_age`."""

    requests: tuple[RequestedVerifiedClaims, ...]
    at: float


class Taken(NamedTuple):
    """`unmet`: the essential claims that none of what was taken has, each as a path."""

    claims: Mapping[str, Any]
    unmet: tuple[str, ...]


def read_taken(claims: Mapping[str, Any]) -> tuple[VerifiedClaims, ...]:
    """What `take_verified_claims` left in these claims."""
    return tuple(
        VerifiedClaims(entry["verification"]["trust_framework"], entry["verification"], entry["claims"])
        for entry in _entries(claims)
    )


def asked_verified_claims(
    claims: Mapping[str, Any] | None, place: str, *, bank: Bank, answered_at: float
) -> AskedVerifiedClaims:
    """What a `claims` parameter that was sent asked for. A request that cannot be read asked for nothing.

    None is sent. But a transaction that another version of rpkit sealed may have one. `answered_at`: when the answer
    came. A user may take a while to decide, so the request may be older.
    """
    try:
        requests = requests_of(claims, place)
    except BrokenRequest:
        requests = ()
    return AskedVerifiedClaims(
        requests, answered_at - bank.settings.transaction_ttl - bank.profile.clock_skew
    )


def require_asked_framework(claims: Mapping[str, Any], asked: AskedVerifiedClaims) -> None:
    """Claims that were verified under other rules than those asked for are not verified for us.

    Raises WrongRequestedClaim.
    """
    wanted = asked.requests
    if wanted and not all(any(_is_under(entry, request) for request in wanted) for entry in _entries(claims)):
        raise WrongRequestedClaim(
            f"{VERIFIED_CLAIMS} has no trust_framework, or not the one that was requested",
            facts={"claim": VERIFIED_CLAIMS},
        )


def take_verified_claims(
    claims: Mapping[str, Any], asked: AskedVerifiedClaims, report: LoginReport, *, of: str
) -> Taken:
    """The claims, in which `verified_claims` has only what was asked for; it is removed if that is nothing.

    `of`: what the claims are of, for the report.
    """
    wanted, entries = asked.requests, _entries(claims)
    taken: list[Mapping[str, Any]] = []
    known: list[list[Selection]] = []
    for place, entry in enumerate(entries):
        name = f"{of}: {VERIFIED_CLAIMS}[{place}]"
        if not _is_valid(entry):
            report.noticed(name, "IDA-S 5.4.2", "it is not valid, so it is not taken")
            continue
        known.append([select(request, entry, at=asked.at) for request in wanted])
        best = _best(entry, known[-1], name, report)
        taken.extend([] if best is None else [best])
    for place, request in enumerate(wanted):
        _report_unmet(request, [selections[place] for selections in known], report, of, claims)
    given = {name for entry in taken for name in entry["claims"]}
    essential = [name for request in wanted for name, wish in request.claims.items() if wish.essential]
    unmet = (name for name in dict.fromkeys(essential) if name not in given)
    return Taken(_with(claims, taken), tuple(f"{VERIFIED_CLAIMS}.claims.{name}" for name in unmet))


def _best(
    entry: Mapping[str, Any], selections: list[Selection], name: str, report: LoginReport
) -> Mapping[str, Any] | None:
    """What the request takes that leaves least of this entry: it is the one that the entry answers."""
    fits = [selection.taken for selection in selections if selection.taken is not None]
    if not fits:
        unmet = dict.fromkeys(str(unmet) for selection in selections for unmet in selection.unmet)
        report.noticed(name, "IDA 7", f"not taken: {'; '.join(unmet) or 'it came unasked'}")
        return None
    best = min(fits, key=lambda one: sum(1 for _ in beyond(entry, one)))
    if unasked := list(dict.fromkeys(path[:_MAX_PATH] for path in beyond(entry, best))):
        more = f" and {len(unasked) - _MAX_NAMED} more" if len(unasked) > _MAX_NAMED else ""
        report.noticed(
            name, "IDA 7", f"not taken, because it came unasked: {', '.join(unasked[:_MAX_NAMED])}{more}"
        )
    return best


def _report_unmet(
    request: RequestedVerifiedClaims,
    known: list[Selection],
    report: LoginReport,
    of: str,
    claims: Mapping[str, Any],
) -> None:
    fits = [selection for selection in known if selection.taken is not None]
    name = f"{of}: {request.path}"
    if not fits:
        names = claims.get("_claim_names")
        at_a_source = isinstance(names, Mapping) and VERIFIED_CLAIMS in names
        hint = " here: for what is at a source see claims_from_sources" if at_a_source else ""
        report.noticed(name, "IDA 5.7.4", f"nothing came that fits{hint}")
        return
    fewest = min(fits, key=lambda selection: len(selection.unmet))
    if fewest.unmet:
        report.noticed(name, "IDA 5.7.2", f"not given: {', '.join(map(str, fewest.unmet))}")
    else:
        report.passed(name, "IDA 5.5.1")


def _with(claims: Mapping[str, Any], taken: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    if VERIFIED_CLAIMS not in claims:
        return claims
    rest = {name: value for name, value in claims.items() if name != VERIFIED_CLAIMS}
    if not taken:
        return rest
    return {**rest, VERIFIED_CLAIMS: taken if isinstance(claims[VERIFIED_CLAIMS], list) else taken[0]}


def _entries(claims: Mapping[str, Any]) -> list[Any]:
    """One object, or an array of them. `claims` may be left out of one: then it is empty (IDA-S 5.3)."""
    value = claims.get(VERIFIED_CLAIMS)
    if value is None:
        return []
    entries = value[:_MAX_ENTRIES] if isinstance(value, list) else [value]
    return [{"claims": {}, **entry} if isinstance(entry, Mapping) else entry for entry in entries]


def _is_valid(entry: Any) -> bool:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("claims"), Mapping):
        return False
    verification = entry.get("verification")
    return isinstance(verification, Mapping) and isinstance(verification.get("trust_framework"), str)


def _is_under(entry: Any, request: RequestedVerifiedClaims) -> bool:
    framework = request.verification.asked["trust_framework"]
    values = framework.values if isinstance(framework, Element) else None
    return _is_valid(entry) and (values is None or entry["verification"]["trust_framework"] in values)
