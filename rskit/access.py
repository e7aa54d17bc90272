"""What a route requires of a valid token: scopes, authentication, authorization details, possession.

Spec: FAPI2-SP 5.3.4-4; FAPI1-BL 6.2.1-5, -7; RFC 6750 3.1; RFC 9396 9; RFC 9470 3 (RS-17, RS-18)
Role: RS
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, Self, TypeVar

from fapikit.errors import ConfigurationError
from rskit.errors import (
    InsufficientAuthentication,
    InsufficientDetails,
    InsufficientScope,
    NotSenderConstrained,
)
from rskit.policy.details_comparison import Budget, covering, not_ended, serves_twice, uncovered
from rskit.tokens.token import Token

E = TypeVar("E")

PUBLIC_MARK: Final = "__fapi_public__"
ACCESS_MARK: Final = "__fapi_access__"
_CONTRADICTION: Final = "an endpoint is public or has an Access, not both: remove one of the two"

Details = Callable[[Any], Any]
"""Called with the framework's request. Returns the authorization detail that the request needs, or a list of them.

It may be a coroutine function.
"""


class any_of(tuple[str, ...]):  # noqa: N801 - reads as a word inside Access(...)
    """One of these scopes is enough: `Access(any_of("accounts:read", "accounts:admin"))`."""

    __slots__ = ()

    def __new__(cls, *scopes: str) -> Self:
        if not scopes:
            raise ConfigurationError("any_of needs at least one scope")
        return super().__new__(cls, scopes)


class Access:
    """The rule of one route. In a route, use the `Access` of your framework's module, such as `wsgi_mw.flask`.

    `scopes`: the token must have all of them. `acr`: the acceptable authentication context classes, the best first.
    `max_age`: the greatest age of the user's sign-in in seconds; a sign-in in the future is refused.
    `details`: a function of the request. `dpop="required"`: the token must be DPoP-bound. `fresh`: the token is
    verified or introspected again for this request; the cache is not used. `signed`: the request must be signed, as
    `ResourceServer(message_signing=)` says; it is for a server whose other routes may be called unsigned.
    """

    __slots__ = ("_enough", "acr", "details", "dpop", "fresh", "max_age", "scopes", "signed")

    def __init__(
        self,
        *scopes: str | any_of,
        acr: str | Iterable[str] | None = None,
        max_age: int | None = None,
        details: Details | None = None,
        dpop: Literal["required"] | None = None,
        fresh: bool = False,
        signed: bool = False,
    ) -> None:
        for scope in scopes:
            if not isinstance(scope, str | any_of):
                raise ConfigurationError(
                    'scopes must be strings: write @Access("accounts"), or @Access() for any token'
                )
            if not scope or (isinstance(scope, str) and " " in scope):
                raise ConfigurationError("each scope must be one name without spaces", facts={"scope": scope})
        if max_age is not None and (type(max_age) is not int or max_age < 0):
            raise ConfigurationError(
                "max_age must be a whole number of seconds, 0 or more", clause="RFC 9470 3"
            )
        if dpop not in (None, "required"):
            raise ConfigurationError('dpop must be "required" or left out')
        self.scopes = scopes
        self.acr: tuple[str, ...] = () if acr is None else _classes(acr)
        self.max_age = max_age
        self.details = details
        self.dpop = dpop
        self.fresh = fresh
        self.signed = signed
        self._enough = self._scopes_that_are_enough()

    def mark(self, endpoint: E) -> E:
        """Store this rule on the endpoint, as the decorator does.

        Raises ConfigurationError for an endpoint that is public.
        """
        if getattr(endpoint, PUBLIC_MARK, False) is True:
            raise ConfigurationError(_CONTRADICTION)
        setattr(endpoint, ACCESS_MARK, self)
        return endpoint

    def require(self, token: Token, *, now: float, skew: float = 30.0) -> None:
        """Check everything except the details. `skew`: how many seconds the issuer's clock may be ahead.

        Raises NotSenderConstrained, InsufficientScope, InsufficientAuthentication.
        """
        if self._enough is not None and self._enough <= token.scopes:
            return
        if self.dpop is not None and token.confirmation.jkt is None:
            raise NotSenderConstrained("this operation accepts only DPoP-bound tokens")
        missing = [scope for scope in self.scopes if not _granted(scope, token.scopes)]
        if missing:
            raise InsufficientScope(
                "the token does not have all scopes of this operation",
                scopes=self.challenge_scopes(),
                facts={"missing": " ".join(map(str, missing)), "token": token.name},
            )
        if self.acr or self.max_age is not None:
            self._require_authentication(token, now, skew)

    def require_details(
        self, token: Token, needed: object, *, now: float | None = None
    ) -> tuple[Mapping[str, Any], ...]:
        """Return the details that the request needs. Each is covered by a granted detail of its type.

        `now`: a consent that says when it ends (see `DetailsType.consent_expires_at`) covers nothing from then on. Two
        equal details are two requests: each needs a granted detail of its own. Raises
        InsufficientDetails.
        """
        wanted = tuple(needed) if isinstance(needed, list | tuple) else (needed,)
        if not wanted:
            raise _insufficient(
                token, wanted, "the request needs no authorization detail that a grant could cover"
            )
        budget = Budget()
        found = [_require_covered(token, detail, wanted, budget, now) for detail in wanted]
        if len(wanted) > 1 and serves_twice(wanted, found, budget):
            raise _insufficient(
                token, wanted, "the request needs the same granted authorization detail twice"
            )
        return wanted

    def challenge_scopes(self) -> tuple[str, ...]:
        """All scopes of the operation; of an `any_of`, the first one."""
        return tuple(scope if isinstance(scope, str) else scope[0] for scope in self.scopes)

    def _scopes_that_are_enough(self) -> frozenset[str] | None:
        """The scopes, if nothing but these single scopes is required of a token. That is one comparison per request."""
        if self.acr or self.max_age is not None or self.dpop is not None:
            return None
        single = frozenset(scope for scope in self.scopes if isinstance(scope, str))
        return single if len(single) == len(frozenset(self.scopes)) else None

    def _require_authentication(self, token: Token, now: float, skew: float) -> None:
        too_weak = bool(self.acr) and token.acr not in self.acr
        signed_in = token.auth_time
        # A time in the future would satisfy every max_age until that time has passed.
        too_old = self.max_age is not None and not (
            signed_in is not None and signed_in - skew <= now <= signed_in + self.max_age
        )
        if too_weak or too_old:
            raise InsufficientAuthentication(
                "this operation needs a stronger sign-in" if too_weak else _why_too_old(signed_in, now),
                acr=self.acr,
                max_age=self.max_age,
                facts={"token": token.name},
            )

    def __repr__(self) -> str:
        parts = [repr(scope) if isinstance(scope, str) else f"any_of{tuple(scope)}" for scope in self.scopes]
        settings = {"acr": self.acr or None, "max_age": self.max_age, "dpop": self.dpop}
        parts += [f"{name}={value!r}" for name, value in settings.items() if value is not None]
        parts += ["details=..."] if self.details else []
        parts += ["fresh=True"] if self.fresh else []
        parts += ["signed=True"] if self.signed else []
        return f"Access({', '.join(parts)})"


def public() -> Callable[[E], E]:
    """A decorator for an endpoint that may be called without a token. A token that is sent must still be valid."""

    def mark(endpoint: E) -> E:
        if getattr(endpoint, ACCESS_MARK, None) is not None:
            raise ConfigurationError(_CONTRADICTION)
        setattr(endpoint, PUBLIC_MARK, True)
        return endpoint

    return mark


def _classes(acr: str | Iterable[str]) -> tuple[str, ...]:
    """Raises ConfigurationError for a value that requires nothing, or that no token can have."""
    classes = (acr,) if isinstance(acr, str) else tuple(acr)
    if not classes or not all(map(_is_class, classes)):
        raise ConfigurationError(
            "acr must be one class, or a list of at least one, each a name without spaces; leave it out to accept any",
            clause="RFC 9470 3",
        )
    return classes


def _is_class(name: object) -> bool:
    return isinstance(name, str) and name != "" and " " not in name


def _why_too_old(signed_in: float | None, now: float) -> str:
    if signed_in is None:
        return "the token has no auth_time"
    return (
        "the sign-in (auth_time) is in the future" if signed_in > now else "the user signed in too long ago"
    )


def is_public(endpoint: Any) -> bool:
    """Whether the endpoint itself is marked, or the class that it is an instance of. A subclass is not public."""
    endpoint = getattr(endpoint, "__func__", endpoint)  # a bound method has the mark on its function
    if PUBLIC_MARK in getattr(endpoint, "__dict__", ()):
        return True
    return not inspect.isclass(endpoint) and PUBLIC_MARK in vars(type(endpoint))


def _granted(scope: str | any_of, scopes: frozenset[str]) -> bool:
    return scope in scopes if isinstance(scope, str) else not scopes.isdisjoint(scope)


def _require_covered(
    token: Token, detail: Any, wanted: tuple[Any, ...], budget: Budget, now: float | None
) -> int:
    """How many granted details cover this one. Raises InsufficientDetails for none."""
    if not isinstance(detail, Mapping) or not isinstance(detail.get("type"), str):
        raise TypeError(
            "details= must return an authorization detail (a dict with a type), or a list of them"
        )
    found = covering(token.authorization_details, detail, budget)
    if not found:
        why = "it is too large to be compared" if budget.used_up else _why(token, detail)
        message = f"no granted authorization detail covers this request: {why}"
        raise _insufficient(token, wanted, message, type=detail["type"])
    lasting = found if now is None else not_ended(found, detail, now)
    if not lasting:
        message = "the consent that covers this request has ended"
        raise _insufficient(token, wanted, message, type=detail["type"])
    return len(lasting)


def _insufficient(token: Token, wanted: tuple[Any, ...], message: str, **facts: str) -> InsufficientDetails:
    return InsufficientDetails(message, needed=wanted, facts={**facts, "token": token.name})


def _why(token: Token, detail: Mapping[str, Any]) -> str:
    """The members that differ. Only names are given, because values are private to the user."""
    same_type = token.details(detail["type"])
    if not same_type:
        return "no detail of its type was granted"
    budget = Budget()
    fewest = min((uncovered(granted, detail, budget) for granted in same_type), key=len)
    return f"{', '.join(fewest)} differs"
