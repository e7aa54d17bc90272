"""Holes in the times of a token."""

from __future__ import annotations

import json
import math
from typing import Any

from rskit.testing import Mint
from tests.rskit.testing.planted.api import LEEWAY, Api
from tests.rskit.testing.planted.jose import Refused
from tests.rskit.testing.planted.planting import hole


class Leeway(Api):
    """The right checks with another leeway."""

    ago: float = LEEWAY
    ahead: float = LEEWAY

    def times(self, claims: Any) -> None:
        now = self.now()
        exp = claims.get("exp")
        if type(exp) is not int or now > exp + self.ago or exp < -(10**15):
            raise Refused(why="exp")
        for name in ("nbf", "iat"):
            time = claims.get(name, 0)
            if type(time) is not int or time > now + self.ahead:
                raise Refused(why=name)


@hole(
    "a token that has expired",
    "a token that expired an hour ago",
    "a token of now that expired a day ago",
    "a token that expired a day ago",
    "a token that expired in 1970",
    "a token that expired before 1970",
)
class NeverLooksAtExp(Leeway):
    ago = 10**12


@hole("a token that expired twenty minutes ago", "a token of now that expired twenty minutes ago")
class ForgivesHalfAnHour(Leeway):
    ago = 1800


@hole("a token that expired six minutes ago", "a token of now that expired six minutes ago")
class ForgivesTenMinutes(Leeway):
    ago = 600


@hole("a token of now that expired an hour ago")
class ForgivesYoungTokens(Api):
    """By its age and not by its end."""

    def times(self, claims: Any) -> None:
        if (
            not -LEEWAY < self.now() - claims["iat"] < 900
            or type(claims.get("exp")) is not int
            or claims["exp"] < 10**6
        ):
            raise Refused
        if claims.get("nbf", 0) == "x":
            raise Refused


class LooseTimes(Api):
    """exp is compared where `is_time` says that it is one."""

    def is_time(self, exp: Any) -> bool:
        raise NotImplementedError

    def verified(self, token: str) -> dict[str, Any]:
        return self.fresh(token)  # what has no end is not remembered until then

    def times(self, claims: Any) -> None:
        exp = claims.get("exp")
        if not self.is_time(exp):
            return
        super().times(claims)


@hole("a token that never expires", "a token whose exp is null")
class LetsExpBeLeftOut(LooseTimes):
    def is_time(self, exp: Any) -> bool:
        return exp is not None


@hole("a token that expired in 1970", "a token whose exp is false", "a token whose exp is empty")
class TakesZeroForNoTime(LooseTimes):
    def is_time(self, exp: Any) -> bool:
        return bool(exp) or isinstance(exp, list | dict) or exp is None


@hole("a token whose exp is an expired time as text", "a token whose exp is a word")
class IgnoresTimesThatAreText(LooseTimes):
    def is_time(self, exp: Any) -> bool:
        return not isinstance(exp, str)


@hole("a token whose exp is true")
class IgnoresTimesThatAreTrue(LooseTimes):
    def is_time(self, exp: Any) -> bool:
        return exp is not True


@hole("a token whose exp is a list", "a token whose exp is an object")
class IgnoresOddTimes(LooseTimes):
    def is_time(self, exp: Any) -> bool:
        return not isinstance(exp, list | dict)


@hole("a token whose exp is endless", "a token whose exp is no number")
class ReadsNumbersThatAreNone(Api):
    """json.loads as it comes takes Infinity and NaN."""

    def read(self, octets: bytes) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(octets)
        return members

    def times(self, claims: Any) -> None:
        exp = claims.get("exp")
        if not (isinstance(exp, float) and not math.isfinite(exp)):
            super().times(claims)


@hole("a token whose exp is an expired time of 400 digits: 500")
class BreaksOnLongNumbers(Api):
    def times(self, claims: Any) -> None:
        exp = claims.get("exp")
        if type(exp) is int:
            float(exp)
        super().times(claims)


@hole(
    "a token that is not valid yet",
    "a token that is valid in ten minutes",
    "a token whose nbf is a coming time as text",
)
class NeverLooksAtNbf(Api):
    def times(self, claims: Any) -> None:
        super().times({name: value for name, value in claims.items() if name != "nbf"})


@hole("a token of the future", "a token of ten minutes ahead", bound=False)
class NeverLooksAtIat(Api):
    def times(self, claims: Any) -> None:
        super().times({name: value for name, value in claims.items() if name != "iat"})


@hole("a token that expires while it is remembered")
class RemembersForADay(Api):
    def verified(self, token: str) -> dict[str, Any]:
        if token not in self.accepted:
            self.accepted[token] = self.fresh(token), 0
        return self.accepted[token][0]


@hole("a token that was revoked")
class NeverHearsOfRevocations(Api):
    def not_revoked(self, token: str) -> None:
        pass


@hole("a token that was revoked", skin="asgi")
class HearsOfRevocationsInOneProcess(Api):
    def __init__(self, *mints: Mint, clock: Any) -> None:
        super().__init__(*mints, clock=clock)
        self.heard: set[str] = set()

    def not_revoked(self, token: str) -> None:
        if token in self.heard:
            raise Refused

    def revoke(self, token: str) -> None:
        self.heard.add(token)
