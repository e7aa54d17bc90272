"""Holes in what answers give away."""

from __future__ import annotations

import traceback
from typing import Any

from tests.rskit.testing.planted.api import Answer, Api, Request
from tests.rskit.testing.planted.jose import Refused
from tests.rskit.testing.planted.planting import hole


class LooseAnswers(Api):
    """The door is right, and an answer tells too much."""

    def loosen(self, request: Request, answer: Answer) -> None:
        raise NotImplementedError

    def with_headers(self, request: Request, answer: Answer) -> Answer:
        answer = super().with_headers(request, answer)
        self.loosen(request, answer)
        return answer


@hole("an answer that shared caches keep")
class LetsCachesKeepAnswers(LooseAnswers):
    def loosen(self, request: Request, answer: Answer) -> None:
        if answer.status == 200:
            answer.headers = [("Cache-Control", "public, max-age=60")]


@hole("an answer for any page", "an answer for the origin null")
class ReflectsOrigins(LooseAnswers):
    def loosen(self, request: Request, answer: Answer) -> None:
        if origin := request.get("origin"):
            answer.headers += [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Allow-Credentials", "true"),
            ]


@hole("a refusal that names a host of the request", skin="asgi")
class NamesTheHostOfTheRequest(LooseAnswers):
    def loosen(self, request: Request, answer: Answer) -> None:
        if answer.status == 401:
            answer.headers.append(
                ("WWW-Authenticate", f'DPoP resource_metadata="https://{request.get("host")}/x"')
            )


@hole("a refusal that shows the inside")
class ShowsTracebacks(LooseAnswers):
    def loosen(self, request: Request, answer: Answer) -> None:
        if answer.status >= 400:
            try:
                raise RuntimeError("refused")
            except RuntimeError:
                answer.body = traceback.format_exc().encode()


@hole("a refusal that repeats the token")
class RepeatsTheToken(LooseAnswers):
    def loosen(self, request: Request, answer: Answer) -> None:
        if answer.status == 401 and request.get("authorization"):
            answer.body = (request.get("authorization") or "").encode()


@hole("two users in turns", "two users whose tokens have one jti")
class KeepsTheFirstUser(Api):
    def endpoint(self, claims: Any) -> Answer:
        self.first = getattr(self, "first", claims)
        return super().endpoint(self.first)


@hole("two users whose tokens have one jti")
class RemembersUsersByName(Api):
    def __init__(self, *mints: Any, clock: Any) -> None:
        super().__init__(*mints, clock=clock)
        self.users: dict[str, Any] = {}

    def endpoint(self, claims: Any) -> Answer:
        return super().endpoint(self.users.setdefault(claims.get("jti", ""), claims))


@hole("a token that has expired", "no proof", "a token for another API")
class RunsBeforeItRefuses(Api):
    """The answer is right, and comes too late."""

    def admit(self, request: Request) -> dict[str, Any]:
        try:
            return super().admit(request)
        except Refused:
            self.runs += 1
            raise


@hole("no token, by POST", "no token")
class RunsForStrangers(Api):
    def admit(self, request: Request) -> dict[str, Any]:
        if not request.all("authorization"):
            self.runs += 1
        return super().admit(request)


@hole("a token that has expired: 500", "claims altered after signing: 500")
class BreaksInsteadOfRefusing(Api):
    def refusal(self, request: Request, refused: Refused) -> Answer:
        answer = super().refusal(request, refused)
        return Answer(500, b"") if refused.why in ("exp", "signature") else answer
