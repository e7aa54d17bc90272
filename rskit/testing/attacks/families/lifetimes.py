"""Tokens that have expired, are not yet valid, or have a malformed time.

Spec: RFC 9068 4-6; RFC 7519 4.1.4, 4.1.5; FAPI2-SP 5.3.2.1-13
Role: RS
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Answer
from rskit.testing.attacks.attack import REFUSALS, Came, Step
from rskit.testing.attacks.declared import Family, Row, claims, jwt, jwts_only, story
from rskit.testing.attacks.forger import NULL, Forger

_AGES: Final = ((360, "six minutes"), (1200, "twenty minutes"), (3600, "an hour"), (86_400, "a day"))


def _at(seconds: float) -> Any:
    return lambda forger: forger.now() + seconds


def _expired_rows() -> Iterator[Row]:
    yield Row(
        "a token that has expired",
        "a token of two hours ago that expired an hour ago",
        claims(iat=_at(-7200), exp=_at(-3600)),
    )
    for seconds, words in _AGES:
        yield Row(
            f"a token that expired {words} ago",
            f"a token that lived for five minutes, until {words} ago",
            claims(iat=_at(-seconds - 300), exp=_at(-seconds)),
        )
        yield Row(
            f"a token of now that expired {words} ago",
            f"the honest token, with an exp of {words} ago",
            claims(exp=_at(-seconds)),
        )
    yield Row("a token that expired in 1970", "the honest token, with exp 0", claims(exp=0))
    yield Row("a token that expired before 1970", "the honest token, with exp -1", claims(exp=-1))
    yield Row(
        "a token that never expires", "the honest token, without exp", jwts_only(jwt(claims={"exp": None}))
    )


def _future_rows() -> Iterator[Row]:
    yield Row(
        "a token that is not valid yet", "the honest token, with an nbf in an hour", claims(nbf=_at(3600))
    )
    yield Row(
        "a token that is valid in ten minutes",
        "the honest token, with an nbf in ten minutes",
        claims(nbf=_at(600)),
    )
    yield Row(
        "a token of the future", "a token that was issued in an hour", claims(iat=_at(3600), exp=_at(7200))
    )
    yield Row(
        "a token of ten minutes ahead",
        "a token that was issued in ten minutes",
        claims(iat=_at(600), exp=_at(900)),
    )


_ODD: Final[tuple[tuple[str, Any], ...]] = (
    ("an expired time as text", lambda forger: str(forger.now() - 3600)),
    ("a word", "never"),
    ("empty", ""),
    ("true", True),
    ("false", False),
    ("null", NULL),
    ("a list", []),
    ("an object", {}),
    ("endless", float("inf")),
    ("no number", float("nan")),
    ("an expired time of 400 digits", -(10**400)),
)


def _odd_rows() -> Iterator[Row]:
    for name, value in _ODD:
        row = f"a token whose exp is {name}"
        yield Row(row, f"the honest token, but its exp is {name}", jwts_only(jwt(claims={"exp": value})))
    yield Row(
        "a token whose nbf is a coming time as text",
        "the honest token, with an nbf in an hour, as text",
        jwts_only(jwt(claims={"nbf": lambda forger: str(forger.now() + 3600)})),
    )


LIFETIMES: Final = Family(
    "times that are over or have not come",
    means="A stolen token works after its end, for as long as the leeway lasts.",
    clause="RFC 9068 4-6",
    remedy="Require exp as a number, allow a minute or two for clocks, and refuse nbf and iat in the future.",
    rows=(*_expired_rows(), *_future_rows(), *_odd_rows()),
)


def _while_it_is_remembered(forger: Forger) -> Generator[Step, Answer, Came]:
    token = forger.token()
    yield forger.step(forger.headers(token))
    advance = forger.reach.advance
    if advance is None:
        return STANDING_CLOCK
    advance(960)  # past the honest lifetime, and past any leeway
    later = yield forger.step(forger.headers(token))
    return None if later.status in REFUSALS else str(later.status)


STANDING_CLOCK: Final = NotLookedAt(
    "what happens when time goes by",
    "the clock does not move during a scan: a cached token or a replay mark that expires is not seen",
    "Reach(advance=...) with a function that moves the clock of mint and API",
)


def needs_time(forger: Forger) -> NotLookedAt | None:
    return STANDING_CLOCK if forger.reach.advance is None else None


REMEMBERED: Final = Family(
    "tokens that are remembered for too long",
    means="A token still works after its end, because it was valid once.",
    clause="RFC 9068 4-6",
    remedy="Cache a decision no longer than the token lives, and check exp on every cache hit.",
    rows=(
        Row(
            "a token that expires while it is remembered",
            "an honest token, and the same again when its time is over",
            story(_while_it_is_remembered),
        ),
    ),
    needs=needs_time,
)


def _revoked(forger: Forger) -> Generator[Step, Answer, Came]:
    token = forger.token()
    yield forger.step(forger.headers(token))
    revoke = forger.reach.revoke
    if revoke is None:
        return NO_REVOCATION
    revoke(token)
    for worker in range(len(forger.reach.workers) + 1):
        after = yield forger.step(forger.headers(token))._replace(worker=worker)
        if after.status not in REFUSALS:
            return str(after.status)
    return None


NO_REVOCATION: Final = NotLookedAt(
    "revoked tokens", "this API cannot be informed that a token was revoked", "Reach(revoke=...)"
)

REVOKED: Final = Family(
    "tokens that were revoked",
    means="A user withdraws a consent, but the payment is still made.",
    clause="FAPI2-SP 5.3.4-3",
    remedy="Ask a source of revocations on every request: introspection, a status list, or a denylist that is fed.",
    rows=(
        Row(
            "a token that was revoked", "an honest token, and the same after it was revoked", story(_revoked)
        ),
    ),
    needs=lambda forger: NO_REVOCATION if forger.reach.revoke is None else None,
)

FAMILIES: Final = (LIFETIMES, REMEMBERED, REVOKED)
