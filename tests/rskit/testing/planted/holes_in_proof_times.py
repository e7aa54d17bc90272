"""Holes in when a proof is good, and how often."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.rskit.testing.planted.api import Answer, Api, Request
from tests.rskit.testing.planted.jose import Refused
from tests.rskit.testing.planted.planting import hole


class LooseWindow(Api):
    ago: float = 60
    ahead: float = 30

    def iat(self, claims: Any) -> None:
        iat = claims.get("iat")
        if type(iat) is not int or not -self.ahead <= self.now() - iat <= self.ago or iat > 10**15:
            raise Refused


@hole("a proof that is old", "a proof of half an hour ago", "a proof of a day ago", "a proof of 1970")
class NeverLooksAtTheAge(LooseWindow):
    ago = 10**12


@hole("a proof of half an hour ago")
class ForgivesProofsHalfAnHour(LooseWindow):
    ago = 1800


@hole("a proof of ten minutes ago")
class ForgivesProofsTenMinutes(LooseWindow):
    ago = 600


@hole("a proof of the future", "a proof of ten minutes ahead", "a proof of two minutes ahead")
class NeverLooksAhead(LooseWindow):
    ahead = 10**12


@hole("a proof of two minutes ahead")
class ForgivesTwoMinutesAhead(LooseWindow):
    ahead = 120


class LooseTime(Api):
    """iat is compared where `is_time` says that it is one."""

    def is_time(self, iat: Any) -> bool:
        raise NotImplementedError

    def iat(self, claims: Any) -> None:
        if self.is_time(claims.get("iat", "absent")):
            super().iat(claims)

    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        iat = claims.get("iat")
        super().unused({**claims, "iat": iat if type(iat) is int and iat < 10**12 else 0}, jwk, proof)


@hole("a proof without a time", "a proof whose time is null", "a proof whose time is false")
class LetsIatBeLeftOut(LooseTime):
    def is_time(self, iat: Any) -> bool:
        return bool(iat) and iat != "absent"


@hole("a proof of 1970")
class TakesZeroForNow(LooseTime):
    def is_time(self, iat: Any) -> bool:
        return iat != 0 or iat is False


@hole("a proof whose time is an old time as text", "a proof whose time is text")
class IgnoresTextForATime(LooseTime):
    def is_time(self, iat: Any) -> bool:
        return not isinstance(iat, str) or iat == "absent"


@hole("a proof whose time is true")
class IgnoresTrueForATime(LooseTime):
    def is_time(self, iat: Any) -> bool:
        return iat is not True


@hole("a proof whose time is a time of 400 digits: 500")
class BreaksOnLongTimes(Api):
    def iat(self, claims: Any) -> None:
        if type(claims.get("iat")) is int:
            float(claims["iat"])
        super().iat(claims)


@hole("a proof whose time is no number", "a proof whose time is endless")
class ReadsTimesThatAreNone(LooseTime):
    def read(self, octets: bytes) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(octets)
        return members

    def is_time(self, iat: Any) -> bool:
        return not (isinstance(iat, float) and not -(10.0**15) < iat < 10.0**15)


class LooseJti(Api):
    """Some jti are no name, and proofs without one are not remembered."""

    def is_none(self, jti: Any) -> bool:
        raise NotImplementedError

    def jti(self, claims: Any) -> None:
        if not self.is_none(claims.get("jti", "absent")):
            super().jti(claims)

    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        if not self.is_none(claims.get("jti", "absent")):
            super().unused(claims, jwk, proof)


@hole("a proof without a name", "a proof whose name is null", "a proof with an empty name")
class LetsJtiBeLeftOut(LooseJti):
    def is_none(self, jti: Any) -> bool:
        return jti in ("absent", None, "")


@hole("a proof whose name is a number")
class IgnoresNumbersForNames(LooseJti):
    def is_none(self, jti: Any) -> bool:
        return type(jti) is int


@hole(
    "a proof that was used before",
    "a proof that is used again and again",
    "a proof that was used with another query",
    "a proof that was used, signed anew",
    "a proof that was used at another worker",
    "a proof that is used at one moment",
    "a proof that was used half a minute ago",
)
class ForgetsProofs(Api):
    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        pass


@hole("a proof that was used, signed otherwise", "a proof that was used, signed anew")
class RemembersProofsByTheirText(Api):
    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        super().unused({**claims, "jti": proof}, jwk, proof)


@hole("a proof that was used with another query")
class RemembersProofsByUrl(Api):
    def proof(self, request: Request, proof: str, token: str, jkt: str) -> None:
        self.seen = request.target
        super().proof(request, proof, token, jkt)

    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        super().unused({**claims, "jti": f"{self.seen} {claims['jti']}"}, jwk, proof)


@hole("a proof that was used before thirty others")
class RemembersTheLastProofs(Api):
    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        super().unused(claims, jwk, proof)
        while len(self.used) > 10:
            del self.used[next(iter(self.used))]


@hole("a proof that is used again and again")
class ForgetsEveryFourthUse(Api):
    """What a balancer in front of workers with marks of their own comes to."""

    def __init__(self, *mints: Any, clock: Any) -> None:
        super().__init__(*mints, clock=clock)
        self.uses: dict[str, int] = {}

    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        self.uses[proof] = self.uses.get(proof, 0) + 1
        if self.uses[proof] % 4 != 0:
            super().unused(claims, jwk, proof)


@hole("a proof that was used at another worker")
class RemembersProofsInEachWorker(Api):
    marks_of_its_own = True


@hole("a proof that is used at one moment", skin="asgi")
class ReadsFirstAndMarksLater(Api):
    async def answer_soon(self, request: Request) -> Answer:
        before = dict(self.used)
        answer = self.answer(request)
        if answer.status == 200 and request.all("dpop"):
            after, self.used = self.used, before
            await asyncio.sleep(0)
            self.used |= after
        return answer


@hole("a proof that was used half a minute ago", "a proof of the future that was used before")
class RemembersForTenSeconds(Api):
    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        super().unused({**claims, "iat": self.now() - 110}, jwk, proof)


@hole("a proof of the future that was used before")
class RemembersFromNow(Api):
    """And not from the time that the proof gives for itself."""

    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        super().unused({**claims, "iat": self.now() - 60}, jwk, proof)


class DemandsNonces(Api):
    nonces = True


@hole("a proof without a nonce")
class DemandsNoncesOfWhoHasOne(DemandsNonces):
    def proof_nonce(self, claims: Any) -> None:
        if "nonce" in claims:
            super().proof_nonce(claims)


@hole(
    "a proof with a made-up nonce",
    "a proof with an empty nonce",
    "a proof with nonces in a list",
    "a proof with a longer nonce",
    "a proof with a nonce of an hour ago",
)
class TakesAnyNonce(DemandsNonces):
    def proof_nonce(self, claims: Any) -> None:
        if "nonce" not in claims:
            raise Refused(why="nonce")


@hole("a proof with a longer nonce")
class ComparesHowNoncesBegin(DemandsNonces):
    def proof_nonce(self, claims: Any) -> None:
        if not str(claims.get("nonce")).startswith(self.nonce()):
            raise Refused(why="nonce")


@hole("a proof with a nonce of an hour ago")
class NeverEndsANonce(DemandsNonces):
    def proof_nonce(self, claims: Any) -> None:
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not nonce[1:].isdigit() or int(nonce[1:]) > self.now() // 60:
            raise Refused(why="nonce")
