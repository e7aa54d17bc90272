"""Holes in which headers are believed, and where a token may stand."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from tests.rskit.testing.planted.api import Api, Request
from tests.rskit.testing.planted.holes_in_doors import OpenDoor, RoutedAsGet
from tests.rskit.testing.planted.planting import hole


class Queried(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return self.marked(request.query)

    def marked(self, query: str) -> bool:
        raise NotImplementedError


@hole(
    "no token, with the query /health",
    "no token, with the query x=/.well-known/oauth-protected-resource",
    "no token, with the query x=.css",
)
class ExemptsByWholeTarget(Queried):
    def marked(self, query: str) -> bool:
        return "/health" in query or "/.well-known/" in query or query.endswith(".css")


@hole(
    "no token, with the query public=true",
    "no token, with the query debug=true",
    "no token, with the query _method=OPTIONS",
)
class HasASecretQuery(Queried):
    def marked(self, query: str) -> bool:
        return bool({"public", "debug", "_method"} & parse_qs(query).keys())


@hole(
    *(
        f"no token, and headers that name {path}"
        for path in (
            "/",
            "/health",
            "/healthz",
            "/status",
            "/metrics",
            "/docs",
            "/openapi.json",
            "/favicon.ico",
            "/login",
            "/public",
            "/static/app.js",
            "/.well-known/oauth-protected-resource",
        )
    )
)
class ExemptsByHeader(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return (request.get("x-original-url") or "/accounts") != "/accounts"


@hole("no token, at a path that headers name", skin="asgi")
class RoutesByHeader(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return request.path != "/accounts"

    def routed_path(self, request: Request) -> str:
        return request.get("x-rewrite-url") or request.path


class Insiders(OpenDoor):
    header = ""
    value = ""

    def opens_for(self, request: Request) -> bool:
        return request.get(self.header) == self.value


@hole("no token, and headers that name an address inside")
class TrustsAddressesInHeaders(Insiders):
    header, value = "x-forwarded-for", "127.0.0.1"


@hole("no token, and headers that name the host localhost")
class TrustsLocalhost(Insiders):
    header, value = "host", "localhost"


@hole("no token, and headers that name a user")
class TrustsUsersInHeaders(Insiders):
    header, value = "x-forwarded-user", "admin"


@hole("no token, and headers that name a probe")
class TrustsProbes(Insiders):
    header, value = "user-agent", "kube-probe/1.31"


@hole("no token, and headers that name an internal call")
class TrustsInternalCalls(Insiders):
    header, value = "x-internal", "true"


@hole("no token, and headers that name its own middleware")
class TrustsItsOwnMiddleware(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return "middleware" in (request.get("x-middleware-subrequest") or "")


class ByTarget(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return not request.target.startswith("/") or request.target.startswith("//")

    def routed_path(self, request: Request) -> str:
        return "/accounts" if self.opens_for(request) else request.path


@hole(
    "no token, by a whole URL",
    "no token, by a whole URL of another host",
    "no token, by a whole URL of an open path",
    "no token, by a path without a slash",
    "no token, by *",
    "no token, by a host and a path",
)
class GuardsPathsAlone(ByTarget):
    pass


class OtherCredentials(Api):
    """A token in another place, or in another way; its proof is not asked for."""

    def found(self, request: Request) -> str | None:
        raise NotImplementedError

    def admit(self, request: Request) -> dict[str, Any]:
        token = self.found(request)
        return self.verified(token) if token else super().admit(request)


@hole("the token in the URL", "a second token in the URL")
class ReadsTokensInUrls(OtherCredentials):
    def found(self, request: Request) -> str | None:
        return parse_qs(request.query).get("access_token", [None])[0]


@hole("the token in a cookie")
class ReadsTokensInCookies(OtherCredentials):
    def found(self, request: Request) -> str | None:
        return (request.get("cookie") or "").partition("access_token=")[2].partition(";")[0]


@hole("the token in a form")
class ReadsTokensInForms(OtherCredentials, RoutedAsGet):
    def found(self, request: Request) -> str | None:
        return parse_qs(request.body.decode("latin-1")).get("access_token", [None])[0]


class ReadsTokensInAHeader(OtherCredentials):
    header = ""

    def found(self, request: Request) -> str | None:
        return (request.get(self.header) or "").rpartition(" ")[2]


@hole("the token in X-Access-Token")
class ReadsXAccessToken(ReadsTokensInAHeader):
    header = "x-access-token"


@hole("the token in X-Authorization")
class ReadsXAuthorization(ReadsTokensInAHeader):
    header = "x-authorization"


@hole("the token in X-Forwarded-Authorization")
class ReadsXForwardedAuthorization(ReadsTokensInAHeader):
    header = "x-forwarded-authorization"


@hole("the token in X-Forwarded-Access-Token")
class ReadsXForwardedAccessToken(ReadsTokensInAHeader):
    header = "x-forwarded-access-token"


@hole("the token in Proxy-Authorization")
class ReadsProxyAuthorization(ReadsTokensInAHeader):
    header = "proxy-authorization"


@hole("the token in X-Original-Authorization")
class ReadsXOriginalAuthorization(ReadsTokensInAHeader):
    header = "x-original-authorization"


class ReadsCredentials(Api):
    """Of the Authorization headers that came; the scheme is taken for the right one."""

    def chosen(self, values: list[str]) -> str:
        raise NotImplementedError

    def credentials(self, request: Request) -> tuple[str, str]:
        values = request.all("authorization")
        return ("dpop", self.chosen(values)) if values else super().credentials(request)


@hole(
    "the token without a scheme",
    "the token under the scheme Token",
    "the token under the scheme JWT",
    "the token under the scheme Basic",
    "the token under a scheme that begins as the right one",
    "the token under two schemes",
)
class TakesAnyScheme(ReadsCredentials):
    def chosen(self, values: list[str]) -> str:
        return values[0].rpartition(" ")[2]


@hole("the token with a word behind it")
class ReadsTheSecondWord(ReadsCredentials):
    def chosen(self, values: list[str]) -> str:
        words = values[0].split(" ")
        return words[1] if len(words) > 1 else ""


@hole("the token in quotes", "the token as a parameter")
class ReadsWhatIsInQuotes(ReadsCredentials):
    def chosen(self, values: list[str]) -> str:
        return values[0].split('"')[1] if '"' in values[0] else values[0].removeprefix("DPoP ")


@hole("two Authorization headers", skin="asgi")
class ReadsTheFirstToken(ReadsCredentials):
    def chosen(self, values: list[str]) -> str:
        return values[0].removeprefix("DPoP ")


@hole("two Authorization headers, the forged one first", "a password beside the token", skin="asgi")
class ReadsTheLastToken(ReadsCredentials):
    def chosen(self, values: list[str]) -> str:
        return values[-1].removeprefix("DPoP ")


@hole("two tokens in one header", "two Authorization headers")
class CutsTokensAtTheComma(ReadsCredentials):
    def chosen(self, values: list[str]) -> str:
        return values[0].removeprefix("DPoP ").split(",")[0]


@hole("a password")
class TakesPasswordsToo(OpenDoor):
    def admit(self, request: Request) -> dict[str, Any]:
        if (request.get("authorization") or "").startswith("Basic dXNl"):
            return {"sub": "user", "scope": "accounts"}
        return Api.admit(self, request)


@hole(
    "an empty token",
    "the scheme alone",
    "an empty Authorization header",
    "the word null",
    "no JWT at all",
    "a token of 40,000 letters",
)
class TakesUnreadableTokensForNone(OpenDoor):
    def admit(self, request: Request) -> dict[str, Any]:
        value = request.get("authorization")
        if value is not None and "." not in value and not value.startswith("Basic"):
            return {"sub": "anybody", "scope": "accounts"}
        return Api.admit(self, request)
