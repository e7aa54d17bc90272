"""Holes in what a token has to grant."""

from __future__ import annotations

import re
from typing import Any

from tests.rskit.testing.planted.api import SCOPE, Api
from tests.rskit.testing.planted.jose import Refused
from tests.rskit.testing.planted.planting import DETAIL, OTHER_SCOPE, hole


class NearScope(Api):
    def is_near(self, scope: Any) -> bool:
        raise NotImplementedError

    def scope(self, claims: Any) -> None:
        if not self.is_near(claims.get("scope", "absent")):
            raise Refused(403)


@hole(
    "a token without the scope",
    "a token without any scope",
    "a token whose scope is null",
    "a token whose scope is true",
    "a token with a scope of others",
    "a token with another scope of this API",
    "a token whose scope is the first letter",
)
class NeverLooksAtScope(NearScope):
    def is_near(self, scope: Any) -> bool:
        return True


@hole(
    "a token whose scope begins as the right one",
    "a token whose scope ends as the right one",
    "a token whose scope holds a comma",
    "a token whose scope is below the right one",
    "a token whose scope is beside the right one",
)
class FindsScopeInScope(NearScope):
    def is_near(self, scope: Any) -> bool:
        return isinstance(scope, str) and SCOPE in scope


@hole("a token whose scope is a part of the right one", "a token without the scope")
class FindsScopeTheOtherWayRound(NearScope):
    def is_near(self, scope: Any) -> bool:
        return isinstance(scope, str) and scope in SCOPE


@hole("a token whose scope is in other letters", bound=False)
class ComparesScopeInAnyLetters(NearScope):
    def is_near(self, scope: Any) -> bool:
        return isinstance(scope, str) and SCOPE in scope.lower().split(" ")


@hole("a token whose scope holds a comma")
class SplitsScopeAtCommas(NearScope):
    def is_near(self, scope: Any) -> bool:
        return isinstance(scope, str) and SCOPE in re.split(r"[ ,]", scope)


@hole("a token whose scope is any")
class TakesAStar(NearScope):
    def is_near(self, scope: Any) -> bool:
        return scope in ("*", SCOPE)


@hole("a token whose scope is a pattern")
class TakesPatterns(NearScope):
    def is_near(self, scope: Any) -> bool:
        return isinstance(scope, str) and any(
            name != "*" and re.fullmatch(name.replace("[", ""), SCOPE) for name in scope.split(" ")
        )


@hole("a token whose scopes are a list of longer names")
class JoinsAListOfScopes(NearScope):
    def is_near(self, scope: Any) -> bool:
        return SCOPE in ("".join(scope) if isinstance(scope, list) else str(scope).split(" "))


@hole("a token with another scope of this API")
class TakesAnyScopeThatItKnows(NearScope):
    def is_near(self, scope: Any) -> bool:
        return isinstance(scope, str) and not {SCOPE, OTHER_SCOPE}.isdisjoint(scope.split(" "))


class NeedsDetails(Api):
    needs_details = DETAIL

    def granted(self, claims: Any) -> Any:
        return claims.get("authorization_details") or ()


@hole(
    "a token with details that say their type alone",
    "a token with another value for what is needed, number 1 (instructedAmount.currency)",
    "a token with another value for what is needed, number 3 (creditorName)",
    "a token with another value for what is needed, number 4 (creditorAccount.iban)",
    "a token with another value for what is needed, number 5 (count)",
    "a token with another value for what is needed, number 6 (urgent)",
    authorization_details=[DETAIL],
)
class ComparesTheAmountAlone(NeedsDetails):
    def details(self, claims: Any) -> None:
        amount = {"amount": "123.50"}
        for granted in self.granted(claims):
            given = granted.get("instructedAmount", amount)
            if granted["type"] == DETAIL["type"] and given["amount"] == amount["amount"]:
                return
        raise Refused(403)


@hole(
    "a token with another value for what is needed, number 2 (instructedAmount.amount)",
    authorization_details=[DETAIL],
)
class NeverComparesTheAmount(NeedsDetails):
    def details(self, claims: Any) -> None:
        for granted in self.granted(claims):
            if granted.get("creditorName") == DETAIL["creditorName"]:
                return
        raise Refused(403)


@hole("a token with details of another type", authorization_details=[DETAIL])
class NeverLooksAtTheType(NeedsDetails):
    def details(self, claims: Any) -> None:
        for granted in self.granted(claims):
            if {**granted, "type": DETAIL["type"]} == DETAIL:
                return
        raise Refused(403)


@hole("a token without the details", "a token with no details", authorization_details=[DETAIL])
class ComparesDetailsIfThereAreAny(NeedsDetails):
    def details(self, claims: Any) -> None:
        if self.granted(claims):
            super().details(claims)


class NeedsStepUp(Api):
    needs_acr = "gold"
    max_age = 300


SIGNED_IN = {"acr": "gold", "auth_time": 1_799_999_990}


@hole("a token without acr", "a token with another acr", **SIGNED_IN)
class NeverLooksAtAcr(NeedsStepUp):
    needs_acr = None


@hole(
    "a token without auth_time",
    "a user who signed in long ago",
    "a user who will sign in tomorrow",
    **SIGNED_IN,
)
class NeverLooksAtAuthTime(NeedsStepUp):
    max_age = None


@hole("a user who will sign in tomorrow", **SIGNED_IN)
class BelievesInTomorrow(NeedsStepUp):
    def authentication(self, claims: Any) -> None:
        if claims.get("acr") != "gold" or self.now() - claims.get("auth_time", 0) > 300:
            raise Refused
