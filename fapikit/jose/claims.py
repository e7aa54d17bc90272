"""The checks of the registered claims, which are the same for every kind of JWT.

An optional claim that is null or `""` is absent. A forbidden claim is refused whatever its value: its name alone shows
that the JWT was made for another purpose (a null `nonce` in a logout token, null `events` in an ID token), and what a
JWT is for is a decision. A required claim never becomes optional by being empty.

Spec: RFC 7519 4.1; RFC 8725 3.8, 3.9; FAPI2-SP 5.3.2.1-13
Not checked here: nonce, hashes, acr and other claims of one purpose only. See the module of that purpose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from fapikit.errors import (
    Expired,
    ForbiddenClaim,
    MalformedClaim,
    MissingClaim,
    NotYetValid,
    TooOld,
    WrongAudience,
    WrongIssuer,
    WrongSubject,
)
from fapikit.jose.purposes import Purpose

MAX_FUTURE: Final = 60.0
"""In seconds: the largest clock skew that is accepted (FAPI2-SP 5.3.2.1-13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a verifier expects. `now` and all durations are in seconds.

    `issuer`: None means that `iss` is not compared. `audience`: empty means that `aud` is not compared; otherwise `aud`
    must have one of these values. `sole_audience`: `aud` must have no other value, except `trusted_audiences`.
    `max_age`: how old `iat` may be.
    """

    issuer: str | None
    audience: tuple[str, ...]
    now: float
    skew: float = 30.0
    sole_audience: bool = False
    trusted_audiences: Collection[str] = ()
    max_age: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.skew <= MAX_FUTURE:
            raise ValueError(f"skew must be between 0 and {MAX_FUTURE:.0f} seconds")


def has_value(claims: Mapping[str, Any], name: str) -> bool:
    """Whether an optional claim is present: null and `""` say nothing."""
    value = claims.get(name)
    return value is not None and value != ""


def check_issuer(claims: Mapping[str, Any], purpose: Purpose, issuer: str) -> None:
    """Compare `iss` exactly. Raises MissingClaim or WrongIssuer."""
    found = claims.get("iss")
    if found is None:
        raise purpose.fail(
            MissingClaim, f"this {purpose.name} has no iss", about="iss", facts={"claim": "iss"}
        )
    if found != issuer:
        raise purpose.fail(
            WrongIssuer,
            f"iss of this {purpose.name} is another issuer",
            about="iss",
            facts={"expected": issuer, "got": str(found)[:200]},
        )


def check_claims(claims: Mapping[str, Any], purpose: Purpose, expected: Expected) -> None:
    """Check required and forbidden claims, iss, aud, exp, nbf, iat. Raises the ClaimError of the failed check."""
    for name in purpose.required:
        if claims.get(name) is None:
            raise purpose.fail(
                MissingClaim, f"this {purpose.name} has no {name}", about=name, facts={"claim": name}
            )
    for name in purpose.forbidden:
        if name in claims:
            raise purpose.fail(
                ForbiddenClaim, f"this {purpose.name} must not have {name}", about=name, facts={"claim": name}
            )
    for name in ("iss", "sub", "jti", "client_id"):
        value = claims.get(name)
        if value is not None and not isinstance(value, str):
            raise purpose.fail(MalformedClaim, f"{name} is not a string", about=name, facts={"claim": name})
    _check_self(claims, purpose)
    if expected.issuer is not None:
        check_issuer(claims, purpose, expected.issuer)
    if expected.audience:
        check_audience(
            claims,
            purpose,
            expected.audience,
            sole=expected.sole_audience,
            trusted=expected.trusted_audiences,
        )
    check_times(claims, purpose, expected)


def _check_self(claims: Mapping[str, Any], purpose: Purpose) -> None:
    """`iss` equals `sub` in a client assertion, and in no other kind of JWT (RFC 8725 3.12)."""
    same = has_value(claims, "iss") and claims["iss"] == claims.get("sub")
    if purpose.self_issued and not same:
        raise purpose.fail(
            WrongSubject, f"sub of this {purpose.name} is not its iss", about="sub", facts={"claim": "sub"}
        )
    if same and not purpose.self_issued:
        raise purpose.fail(
            ForbiddenClaim,
            f"sub of this {purpose.name} equals its iss, as in a client assertion",
            facts={"claim": "sub"},
        )


def audiences_of(claims: Mapping[str, Any], purpose: Purpose) -> tuple[str, ...]:
    """`aud` as a tuple. Raises MissingClaim or MalformedClaim."""
    aud = claims.get("aud")
    if aud is None:
        raise purpose.fail(
            MissingClaim, f"this {purpose.name} has no aud", about="aud", facts={"claim": "aud"}
        )
    if isinstance(aud, str):
        return (aud,)
    if isinstance(aud, list | tuple) and aud and all(isinstance(item, str) for item in aud):
        return tuple(aud)
    raise purpose.fail(
        MalformedClaim, "aud is neither a string nor a list of strings", about="aud", facts={"claim": "aud"}
    )


def check_audience(
    claims: Mapping[str, Any],
    purpose: Purpose,
    accepted: tuple[str, ...],
    *,
    sole: bool,
    trusted: Collection[str] = (),
) -> None:
    """Raises WrongAudience unless `aud` has one of `accepted` (and, if `sole`, no other value except `trusted`)."""
    found = audiences_of(claims, purpose)
    named = [item for item in found if item in accepted]
    alone = len(named) == len(found) or all(item in trusted for item in found if item not in accepted)
    if not named or (sole and not alone):
        raise purpose.fail(
            WrongAudience,
            f"aud of this {purpose.name} "
            + ("has other recipients too" if named else "is another recipient"),
            about="aud",
            facts={"expected": " ".join(accepted), "got": " ".join(found)[:200]},
        )


def number(claims: Mapping[str, Any], name: str, purpose: Purpose) -> float | None:
    """A NumericDate, or None if it is absent. Raises MalformedClaim for strings, booleans and infinities.

    A required claim that is `""` is malformed: a JWT without its `exp` would never end.
    """
    value = claims.get(name)
    if value is None or (value == "" and name not in purpose.required):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise purpose.fail(MalformedClaim, f"{name} is not a number", about=name, facts={"claim": name})
    return float(value)


def claimed_iat(claims: Mapping[str, Any]) -> float | None:
    """The `iat` of unverified claims, or None if it is not a number."""
    value = claims.get("iat")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def check_times(claims: Mapping[str, Any], purpose: Purpose, expected: Expected) -> None:
    """Check exp, nbf, iat. Raises Expired, NotYetValid, TooOld, MalformedClaim."""
    now, skew = expected.now, expected.skew
    exp = number(claims, "exp", purpose)
    if exp is not None and now >= exp + skew:
        raise purpose.fail(
            Expired, f"this {purpose.name} has expired", about="exp", facts={"seconds_ago": int(now - exp)}
        )
    for name in ("nbf", "iat"):
        value = number(claims, name, purpose)
        if value is not None and value > now + skew:
            raise purpose.fail(
                NotYetValid,
                f"{name} of this {purpose.name} is in the future: check the clocks",
                facts={"claim": name, "seconds_ahead": int(value - now)},
            )
    iat = number(claims, "iat", purpose)
    if expected.max_age is not None and iat is not None and now - iat > expected.max_age + skew:
        raise purpose.fail(
            TooOld,
            f"iat of this {purpose.name} is too long ago",
            about="iat",
            facts={"seconds_ago": int(now - iat), "limit": int(expected.max_age)},
        )
