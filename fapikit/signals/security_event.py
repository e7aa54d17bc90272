"""One security event: the token verified, its subject and its events read.

It is made to be told apart from every other JWT: its type is required, and `sub` and `exp` are refused. It has no end,
so who hears it remembers it (`receiver`).

Spec: RFC 8417 2.2; SSF 4.1.1, 4.1.2, 4.1.3, 4.1.6, 4.1.7, 4.1.8, 4.2.1, 4.2.3; CAEP 2
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from fapikit.errors import MalformedClaim
from fapikit.flow import Flow
from fapikit.jose.claims import Expected, audiences_of
from fapikit.jose.key_set import KeySource
from fapikit.jose.purposes import SECURITY_EVENT_TOKEN
from fapikit.jose.verify import verify_jwt
from fapikit.secrets import Secret
from fapikit.signals.subjects import Subject, read_subject

_LONGEST_NAME: Final = 256
_MOST_EVENTS: Final = 10


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One event that its transmitter has signed. Times are seconds since 1970.

    `events`: its types, each a URI, and the members of each. Several types are several words for one event.
    `happened_at`: when it happened, never later than now. `txn`: what it belongs to, if the transmitter says so.
    """

    issuer: str
    jti: str
    audience: tuple[str, ...]
    issued_at: float
    happened_at: float
    subject: Subject
    events: Mapping[str, Mapping[str, Any]] = field(repr=False)
    txn: str | None = None

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self.events)

    def __str__(self) -> str:
        """Safe for logs: it names nobody."""
        names = ", ".join(sorted(each.rsplit("/", 1)[-1][:60] for each in self.events))
        return f"{names} ({self.jti[:60]})"


def read_security_event(
    token: Secret, *, keys: KeySource, algorithms: Collection[str], expected: Expected
) -> Flow[SecurityEvent]:
    """Verify a security event token and read it.

    Raises the JwtError of the failed check; TransportError if its key cannot be fetched now.
    """
    verified = yield from verify_jwt(
        token, SECURITY_EVENT_TOKEN, keys=keys, algorithms=algorithms, expected=expected
    )
    claims = verified.claims
    jti = claims["jti"]
    if not 0 < len(jti) <= _LONGEST_NAME:
        raise _malformed("jti", f"is not 1 to {_LONGEST_NAME} characters long", "RFC 8417 2.2")
    events = _events(claims["events"])
    txn = claims.get("txn")
    return SecurityEvent(
        issuer=claims["iss"],
        jti=jti,
        audience=audiences_of(claims, SECURITY_EVENT_TOKEN),
        issued_at=float(claims["iat"]),
        happened_at=_happened_at(claims, events, expected.now),
        subject=read_subject(claims["sub_id"]),
        events=events,
        txn=txn if isinstance(txn, str) else None,
    )


def _events(value: object) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or not 0 < len(value) <= _MOST_EVENTS:
        raise _malformed("events", f"is not an object with 1 to {_MOST_EVENTS} members", "RFC 8417 2.2")
    for name, members in value.items():
        if not isinstance(members, dict):
            raise _malformed(f"events[{name[:100]}]", "is not an object", "RFC 8417 2.2")
    return MappingProxyType({name: MappingProxyType(members) for name, members in value.items()})


def _happened_at(claims: Mapping[str, Any], events: Mapping[str, Mapping[str, Any]], now: float) -> float:
    """`event_timestamp` of CAEP, else `toe`, else `iat`. A later time than now is a clock that is ahead: it is now."""
    said = [members["event_timestamp"] for members in events.values() if "event_timestamp" in members]
    if "toe" in claims:
        said.append(claims["toe"])
    times = [_time(each) for each in (*said, claims["iat"])]
    return min(times[0], now)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise _malformed("event_timestamp", "is not a time in seconds since 1970", "CAEP 2")
    return float(value)


def _malformed(claim: str, why: str, clause: str) -> MalformedClaim:
    return SECURITY_EVENT_TOKEN.fail(
        MalformedClaim, f"{claim} of the security event token {why}", clause=clause, facts={"claim": claim}
    )
