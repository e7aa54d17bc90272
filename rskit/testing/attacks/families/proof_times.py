"""DPoP proofs that are too old, dated in the future, or without a valid time.

Spec: RFC 9449 4.3-11; FAPI2-SP 5.3.2.1-13 (RS-11)
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.declared import Family, Made, Maker, Row, needs_proofs, proof
from rskit.testing.attacks.forger import NULL, Forger


def _old(seconds: int) -> Maker:
    """A server that requires nonces may use their time instead of the proof's iat (RFC 9449 4.3-11)."""

    def make(forger: Forger) -> Made | None:
        if forger.nonces:
            return AGE_BY_NONCE
        return proof(claims={"iat": forger.now() - seconds})(forger)

    return make


AGE_BY_NONCE: Final = NotLookedAt(
    "proofs that are old",
    "this API requires nonces, and may take a proof's age from its nonce",
    "Reach(advance=...), which makes the nonce old too",
)


def _iat(value: Any) -> Maker:
    return proof(claims={"iat": value})


def _ahead(seconds: int) -> Maker:
    return proof(claims={"iat": lambda forger: forger.now() + seconds})


_OTHER_TIMES: Final[tuple[tuple[str, Any], ...]] = (
    ("an old time as text", lambda forger: str(forger.now() - 3600)),
    ("text", "now"),
    ("true", True),
    ("false", False),
    ("null", NULL),
    ("endless", float("inf")),
    ("no number", float("nan")),
    ("a time of 400 digits", 10**400),
)


def _time_rows() -> Iterator[Row]:
    for seconds, words in (
        (600, "ten minutes"),
        (1800, "half an hour"),
        (3600, "an hour"),
        (86_400, "a day"),
    ):
        name = "a proof that is old" if seconds == 3600 else f"a proof of {words} ago"
        yield Row(name, f"a proof whose iat is {words} ago", _old(seconds))
    for seconds, words in ((120, "two minutes"), (600, "ten minutes"), (3600, "an hour")):
        name = "a proof of the future" if seconds == 3600 else f"a proof of {words} ahead"
        yield Row(name, f"a proof whose iat is {words} ahead", _ahead(seconds))
    yield Row("a proof without a time", "a proof without iat", _iat(None))
    yield Row("a proof of 1970", "a proof whose iat is 0", _iat(0))
    for name, value in _OTHER_TIMES:
        yield Row(f"a proof whose time is {name}", f"a proof whose iat is {name}", _iat(value))


TIMES: Final = Family(
    "proofs of another time",
    means="A leaked proof, or one made in advance, works for as long as the time window is.",
    clause="RFC 9449 4.3-11",
    remedy="Require iat as a number, at most a minute ago and at most half a minute ahead.",
    rows=tuple(_time_rows()),
    needs=needs_proofs,
)


FAMILIES: Final = (TIMES,)
