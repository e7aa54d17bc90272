"""Holes in who is let in without a token."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.rskit.testing.planted.api import Api, Request
from tests.rskit.testing.planted.planting import hole


class RoutedAsGet(Api):
    """Every method reaches the endpoint."""

    def routed_method(self, request: Request) -> str:
        return "GET"


class OpenDoor(RoutedAsGet):
    """A request for which `opens_for` is true reaches the endpoint without a token."""

    def opens_for(self, request: Request) -> bool:
        raise NotImplementedError

    def admit(self, request: Request) -> dict[str, Any]:
        if not request.all("authorization") and self.opens_for(request):
            return {"sub": "anybody", "scope": "accounts"}
        return super().admit(request)


@hole("no token", "no token, by a whole URL")
class LetsStrangersIn(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return True

    def routed_path(self, request: Request) -> str:
        return urlsplit(request.path).path


@hole(
    "no token, by POST",
    "no token, by PUT",
    "no token, by PATCH",
    "no token, by DELETE",
    "no token, by HEAD",
    "no token, by TRACE",
    "no token, by QUERY",
    "no token, by PROPFIND",
    "no token, by HACK",
    "no token, by get",
    "no token, by Get",
)
class GuardsGetAlone(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return request.method not in ("GET", "OPTIONS")


@hole("no token, by HEAD")
class LetsHeadThrough(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return request.method == "HEAD"


@hole("no token, by OPTIONS", "no token, as a preflight")
class LetsOptionsThrough(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return request.method == "OPTIONS"


@hole("no token, as a preflight", skin="asgi")
class LetsPreflightsThrough(OpenDoor):
    def opens_for(self, request: Request) -> bool:
        return request.method == "OPTIONS" and bool(request.get("access-control-request-method"))


class Overridden(OpenDoor):
    says = ""

    def opens_for(self, request: Request) -> bool:
        return request.get("x-http-method-override") == self.says


@hole("no token, and a header that says OPTIONS")
class BelievesOverridesOfOptions(Overridden):
    says = "OPTIONS"


@hole("no token, and a header that says HEAD")
class BelievesOverridesOfHead(Overridden):
    says = "HEAD"


@hole("no token, and a header that says GET")
class BelievesOverridesOfGet(Overridden):
    says = "GET"


@hole("a token without the scope, by HEAD")
class NeedsNoScopeForHead(Api):
    def grant(self, request: Request, claims: Any) -> None:
        if request.method != "HEAD":
            super().grant(request, claims)


@hole("no token, by GET", "no token, by HEAD")
class LetsReadersIn(OpenDoor):
    """Of an endpoint that is called by POST."""

    methods = ("POST",)

    def opens_for(self, request: Request) -> bool:
        return request.method in ("GET", "HEAD")

    def routed_method(self, request: Request) -> str:
        return "POST"
