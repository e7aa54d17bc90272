"""Holes in what kind of JWT, of whom and for whom is taken."""

from __future__ import annotations

from typing import Any

from tests.rskit.testing.planted.api import RESOURCE, Api
from tests.rskit.testing.planted.jose import Refused
from tests.rskit.testing.planted.planting import OTHER_AUDIENCE, hole

LOGOUT = "a logout token"
JARM = "a JARM response"


class TypByName(Api):
    """Takes further kinds of JWT."""

    takes: tuple[str | None, ...] = ()
    unlike: frozenset[str] = frozenset()

    def kind(self, header: Any, claims: Any) -> None:
        if header.get("typ") not in ("at+jwt", *self.takes) or not self.unlike.isdisjoint(claims):
            raise Refused(why="typ")


@hole(
    "an ID token",
    LOGOUT,
    JARM,
    "an introspection response",
    "a client assertion",
    "a request object",
    "a security event",
    "a status list",
    "a DPoP proof as a token",
    "an access token called by another name",
    "an ID token without typ",
    "a logout token without typ",
    "a JARM response without typ",
    "an introspection response without typ",
    "a logout token called JWT",
    "a JARM response called JWT",
    "an introspection response called JWT",
)
class NeverLooksAtTyp(Api):
    def kind(self, header: Any, claims: Any) -> None:
        pass


@hole(LOGOUT, "a logout token with all claims of a token")
class TakesLogoutTokens(TypByName):
    takes = ("logout+jwt",)


@hole(JARM, "a JARM response called JWT", "a JARM response without typ")
class TakesWhatHasNoNonce(TypByName):
    takes = ("JWT", None, "oauth-authz-resp+jwt")
    unlike = frozenset({"nonce", "events", "token_introspection"})


@hole("a JARM response with all claims of a token")
class TakesJarm(TypByName):
    takes = ("oauth-authz-resp+jwt",)

    def kind(self, header: Any, claims: Any) -> None:
        super().kind(header, claims)
        if "sub" not in claims:
            raise Refused


@hole("an introspection response with all claims of a token")
class TakesIntrospectionAnswers(TypByName):
    takes = ("token-introspection+jwt",)


@hole("an access token called by another name")
class FindsTypInTyp(Api):
    def kind(self, header: Any, claims: Any) -> None:
        if "at+jwt" not in str(header.get("typ")):
            raise Refused(why="typ")


class NearIssuer(Api):
    """The key is right; iss is compared by `is_near`."""

    def is_near(self, iss: Any) -> bool:
        raise NotImplementedError

    def key(self, header: Any, claims: Any) -> Any:
        if header.get("kid") != self.mint.issuer_key.kid:
            raise Refused(why="key")
        return self.mint.issuer_key

    def issuer(self, claims: Any) -> None:
        if not self.is_near(claims.get("iss", "absent")):
            raise Refused(why="iss")


@hole(
    "a token of another issuer",
    "a token whose issuer is a list",
    "a token whose issuer is null",
    "a token without an issuer",
)
class NeverLooksAtIss(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return True


@hole(
    "a token of an issuer whose name begins as the right one",
    "a token of an issuer with a slash more",
    "a token of an issuer with a path more",
    "a token of two issuers",
)
class ComparesHowIssBegins(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return isinstance(iss, str) and iss.startswith(self.mint.url)


@hole("a token of an issuer whose name is a part of the right one", "a token of an issuer that is empty")
class FindsIssInTheTrustedOne(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return isinstance(iss, str) and iss in self.mint.url


@hole("a token of an issuer whose name ends as the right one")
class ComparesHowIssEnds(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return isinstance(iss, str) and iss.endswith(self.mint.url)


@hole("a token of an issuer with a slash more")
class DropsSlashesOfIss(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return isinstance(iss, str) and iss.rstrip("/") == self.mint.url


@hole("a token of an issuer in other letters")
class ComparesIssInAnyLetters(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return isinstance(iss, str) and iss.lower() == self.mint.url


@hole("a token of an issuer over http")
class ComparesTheHostOfIss(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return isinstance(iss, str) and iss.partition("://")[2] == self.mint.url.partition("://")[2]


@hole("a token without an issuer")
class ComparesIssIfThereIsOne(NearIssuer):
    def is_near(self, iss: Any) -> bool:
        return iss in ("absent", self.mint.url)


class NearAudience(Api):
    def is_near(self, aud: Any) -> bool:
        raise NotImplementedError

    def audience(self, claims: Any) -> None:
        if not self.is_near(claims.get("aud", "absent")):
            raise Refused(why="aud")


@hole(
    "a token for another API",
    "a token without an audience",
    "a token with an empty audience",
    "a token for any API",
    "a token whose audience is null",
    "a token whose audience is true",
    "a token whose audience is an object",
    "a token whose audience is a list in a list",
    "a token for an API that is known",
)
class NeverLooksAtAud(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return True


@hole(
    "a token for an API whose name begins as this one's",
    "a token for this API with a path more",
    "a token for APIs in a list whose names begin as this one's",
)
class ComparesHowAudBegins(NearAudience):
    def is_near(self, aud: Any) -> bool:
        named = [aud] if isinstance(aud, str) else aud
        return isinstance(named, list) and any(str(one).startswith(RESOURCE) for one in named)


@hole("a token for an API whose name is a part of this one's", "a token with an empty audience")
class FindsAudInItself(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return isinstance(aud, str) and aud in RESOURCE


@hole("a token for several APIs in one string", "a token for an API whose name ends as this one's")
class FindsItselfInAud(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return isinstance(aud, str) and RESOURCE in aud


@hole("a token for this API in other letters")
class ComparesAudInAnyLetters(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return isinstance(aud, str) and aud.lower() == RESOURCE


@hole("a token for this API over http")
class ComparesTheHostOfAud(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return isinstance(aud, str) and aud.partition("://")[2] == "api.example"


@hole("a token without an audience")
class ComparesAudIfThereIsOne(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return aud in ("absent", RESOURCE)


@hole("a token for an empty list")
class ComparesAllOfAud(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return all(one == RESOURCE for one in ([aud] if isinstance(aud, str) else aud))


@hole("a token for a list of nothing", "a token for an empty list", "a token with an empty audience")
class DropsNothingsFromAud(NearAudience):
    def is_near(self, aud: Any) -> bool:
        named = [one for one in ([aud] if isinstance(aud, str) else aud) if one]
        return all(one == RESOURCE for one in named)


@hole("a token for other APIs in a list")
class TakesAnyList(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return aud == RESOURCE or (isinstance(aud, list) and len(aud) > 1)


@hole("a token for an API that is known")
class KnowsAllApisOfTheBank(NearAudience):
    def is_near(self, aud: Any) -> bool:
        return aud in (RESOURCE, OTHER_AUDIENCE)
