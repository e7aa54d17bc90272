"""Holes in what a proof has to be for: token, method and URL."""

from __future__ import annotations

from typing import Any

from tests.rskit.testing.planted.api import RESOURCE, Api, Request
from tests.rskit.testing.planted.jose import Refused, origin_of, sha256
from tests.rskit.testing.planted.planting import hole


class LooseClaim(Api):
    """One claim of a proof is compared by `is_near`."""

    claim = ""

    def is_near(self, value: Any, right: str) -> bool:
        raise NotImplementedError

    def ath(self, claims: Any, token: str) -> None:
        if self.claim != "ath":
            super().ath(claims, token)
        elif not self.is_near(claims.get("ath", "absent"), token):
            raise Refused

    def htm(self, request: Request, claims: Any) -> None:
        if self.claim != "htm":
            super().htm(request, claims)
        elif not self.is_near(claims.get("htm", "absent"), request.method):
            raise Refused

    def htu(self, request: Request, claims: Any) -> None:
        if self.claim != "htu":
            super().htu(request, claims)
        elif not self.is_near(claims.get("htu", "absent"), f"{RESOURCE}{request.path}"):
            raise Refused


class LooseHash(LooseClaim):
    claim = "ath"


class LooseMethod(LooseClaim):
    claim = "htm"


class LooseUrl(LooseClaim):
    claim = "htu"


@hole(
    "a proof for any token",
    "a proof for another token",
    "a proof whose ath is null",
    "a proof for tokens in a list",
)
class NeverLooksAtAth(LooseHash):
    def is_near(self, value: Any, right: str) -> bool:
        return True


@hole("a proof for any token", "a proof for no token")
class ComparesAthIfThereIsOne(LooseHash):
    def is_near(self, value: Any, right: str) -> bool:
        return value in ("absent", "", sha256(right))


@hole("a proof for a part of the hash", "a proof for no token")
class ComparesHowAthBegins(LooseHash):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and sha256(right).startswith(value)


@hole("a proof for the hash in other letters")
class ComparesAthInAnyLetters(LooseHash):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and sha256(right).lower() == value.lower()


@hole("a proof that holds the token itself")
class TakesTheTokenForItsHash(LooseHash):
    def is_near(self, value: Any, right: str) -> bool:
        return value in (right, sha256(right))


@hole(
    "a proof for another method",
    "a proof for HEAD",
    "a proof without a method",
    "a proof whose method is null",
    "a proof for methods in a list",
)
class NeverLooksAtHtm(LooseMethod):
    def is_near(self, value: Any, right: str) -> bool:
        return True


@hole("a proof for a method in other letters")
class ComparesHtmInAnyLetters(LooseMethod):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and value.upper() == right


@hole("a proof for a longer method")
class ComparesHowHtmBegins(LooseMethod):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and value.startswith(right)


@hole("a proof for a part of the method", "a proof for an empty method")
class FindsHtmInTheMethod(LooseMethod):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and value in right


@hole("a proof for several methods", "a proof for methods in a list")
class FindsTheMethodInHtm(LooseMethod):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str | list) and right in value


@hole("a proof for any method")
class TakesAStarForAMethod(LooseMethod):
    def is_near(self, value: Any, right: str) -> bool:
        return value in ("*", right)


@hole("a proof for the method in an override header")
class ComparesHtmWithTheOverride(Api):
    def htm(self, request: Request, claims: Any) -> None:
        if claims.get("htm") != (request.get("x-http-method-override") or request.method):
            raise Refused


@hole(
    "a proof for another path",
    "a proof for another host",
    "a proof without a URL",
    "a proof whose URL is null",
    "a proof for any URL",
    "a proof for an empty URL",
)
class NeverLooksAtHtu(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return True


@hole(
    "a proof for another path",
    "a proof for the root",
    "a proof for a path beside",
    "a proof for the path above",
    "a proof for the origin alone",
)
class ComparesTheOrigin(LooseUrl):
    home = "/bank/accounts"

    def is_near(self, value: Any, right: str) -> bool:
        return origin_of(value)[0] == RESOURCE


@hole(
    "a proof for another host",
    "a proof for another port",
    "a proof for a host whose name ends as this one's",
    "a proof for a host behind this one's name",
)
class ComparesThePath(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return origin_of(value)[1] == origin_of(right)[1] and str(value).startswith("https://")


@hole("a proof for another scheme")
class ComparesWithoutScheme(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return str(value).partition("://")[2] == right.partition("://")[2]


@hole("a proof for another port")
class ComparesWithoutPort(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return str(value).replace(":8443", "") == right


@hole(
    "a proof for a part of the path",
    "a proof for the root",
    "a proof for the origin alone",
    "a proof for an empty URL",
)
class ComparesHowTheUrlBegins(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and right.startswith(value)


@hole(
    "a proof for another path",
    "a proof for a path beside",
    "a proof for the path with ;",
    "a proof for the path with a slash more",
)
class ComparesHowHtuBegins(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str) and value.startswith(right)


@hole(
    "a proof for a URL that holds this one",
    "a proof for a URL with this one in its query",
    "a proof for a URL with this one in its fragment",
    "a proof for URLs in a list",
)
class FindsTheUrlInHtu(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return isinstance(value, str | list) and right in value


@hole("a proof for the path in other letters")
class ComparesHtuInAnyLetters(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return str(value).lower() == right.lower()


@hole("a proof for the path with a slash more")
class DropsTheSlashOfHtu(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return str(value).rstrip("/") == right


@hole("a proof for the path with its slash doubled")
class CollapsesSlashesOfHtu(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return str(value).replace("example//", "example/") == right


@hole("a proof for the path with a slash escaped")
class DecodesSlashesOfHtu(LooseUrl):
    home = "/bank/accounts"

    def is_near(self, value: Any, right: str) -> bool:
        return str(value).replace("%2F", "/") == right


@hole("a proof for the path alone")
class TakesAPathForHtu(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        return value in (right, origin_of(right)[1])


@hole("a proof for a host whose name begins as this one's")
class ComparesHowTheHostBegins(LooseUrl):
    def is_near(self, value: Any, right: str) -> bool:
        origin, path = origin_of(value)
        return origin.startswith(f"{RESOURCE}.") or f"{origin}{path}" == right


class BuildsTheUrl(Api):
    """From what the request says of itself."""

    def base(self, request: Request) -> str:
        raise NotImplementedError

    def htu(self, request: Request, claims: Any) -> None:
        if claims.get("htu") != f"{self.base(request)}{request.path}":
            raise Refused


@hole("a proof for the host that the request names")
class BelievesHost(BuildsTheUrl):
    def base(self, request: Request) -> str:
        return f"https://{request.get('host')}"


@hole("a proof for the host that the request says was forwarded")
class BelievesXForwardedHost(BuildsTheUrl):
    def base(self, request: Request) -> str:
        return f"https://{request.get('x-forwarded-host') or 'api.example'}"


@hole("a proof for the host in Forwarded")
class BelievesForwarded(BuildsTheUrl):
    def base(self, request: Request) -> str:
        forwarded = request.get("forwarded") or "host=api.example"
        return f"https://{forwarded.partition('host=')[2].partition(';')[0] or 'api.example'}"


@hole("a proof for the scheme that the request says was forwarded")
class BelievesXForwardedProto(BuildsTheUrl):
    def base(self, request: Request) -> str:
        return f"{request.get('x-forwarded-proto') or 'https'}://api.example"


@hole("a proof for the port that the request says was forwarded")
class BelievesXForwardedPort(BuildsTheUrl):
    def base(self, request: Request) -> str:
        port = request.get("x-forwarded-port")
        return f"{RESOURCE}:{port}" if port else RESOURCE


@hole("a proof for the prefix that the request says was forwarded")
class BelievesXForwardedPrefix(BuildsTheUrl):
    def base(self, request: Request) -> str:
        return RESOURCE + (request.get("x-forwarded-prefix") or "")


@hole("a proof for the URL that the request says was the first")
class BelievesXOriginalUrl(Api):
    def htu(self, request: Request, claims: Any) -> None:
        if claims.get("htu") != RESOURCE + (request.get("x-original-url") or request.path):
            raise Refused


@hole("a proof for a path in Host")
class BuildsTheUrlOutOfHost(Api):
    def htu(self, request: Request, claims: Any) -> None:
        url = f"https://{request.get('host')}{request.path}"
        if not url.startswith(f"{RESOURCE}/") or claims.get("htu") != url.partition("?")[0]:
            raise Refused
