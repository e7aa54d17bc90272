"""Holes in how a path is read."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import unquote

from rskit.testing.attacks.families.paths import SPELLINGS
from tests.rskit.testing.planted.api import Api, Request
from tests.rskit.testing.planted.holes_in_doors import OpenDoor
from tests.rskit.testing.planted.planting import hole


class GuardsAPath(OpenDoor):
    """A guard in front compares the path as it stands; the router reads it as `routed_path` does."""

    def opens_for(self, request: Request) -> bool:
        return request.path != self.home and self.routed_path(request) == self.home

    def mended(self, request: Request) -> str:
        raise NotImplementedError

    def routed_path(self, request: Request) -> str:
        return self.mended(request)


def at(*spellings: str) -> tuple[str, ...]:
    return tuple(f"no token, at the path with {spelling}" for spelling in spellings)


@hole(*at("its first slash doubled", "three slashes", "two slashes at the end", "a slash at the end"))
class RoutesWithSlashesCollapsed(GuardsAPath):
    def mended(self, request: Request) -> str:
        return "/" + "/".join(filter(None, request.path.split("/")))


@hole(
    *at(
        "a dot in front",
        "a dot behind",
        "dots",
        "dots out of /health",
        "dots out of /static",
        "dots out of /.well-known",
    )
)
class RoutesWithDotsResolved(GuardsAPath):
    def mended(self, request: Request) -> str:
        return posixpath.normpath(request.path)


@hole(
    *at("an escaped dot in front", "escaped dots", "escaped dots and slash", "escaped dots out of /public"),
    skin="asgi",
)
class RoutesWithEscapedDotsResolved(GuardsAPath):
    def mended(self, request: Request) -> str:
        return posixpath.normpath(unquote(request.path)) if "%2e" in request.path else request.path


@hole(*at("a letter escaped"), skin="asgi")
class RoutesDecoded(GuardsAPath):
    def mended(self, request: Request) -> str:
        return request.path_info


@hole(*at("a letter escaped twice"))
class RoutesDecodedTwice(GuardsAPath):
    def mended(self, request: Request) -> str:
        return unquote(unquote(request.path)) if "%25" in request.path else request.path


@hole(*at("its last slash escaped", "its last slash escaped twice"))
class RoutesEscapedSlashes(GuardsAPath):
    def mended(self, request: Request) -> str:
        return "/" + unquote(unquote(request.path)).strip("/") if "%2" in request.path else request.path


@hole(*at("a backslash", "an escaped backslash"))
class RoutesAsWindowsDoes(GuardsAPath):
    def mended(self, request: Request) -> str:
        return (
            "/" + unquote(request.path).replace("\\", "/").strip("/")
            if "\\" in unquote(request.path)
            else request.path
        )


@hole(*at("capitals", "one capital"))
class RoutesInAnyLetters(GuardsAPath):
    def mended(self, request: Request) -> str:
        return request.path.lower()


@hole(*at("; behind", "; and a slash behind", "; in front", "dots behind ;", "a static file behind ;"))
class RoutesAsTomcatDoes(GuardsAPath):
    def mended(self, request: Request) -> str:
        parts = [part.partition(";")[0] for part in request.path.split("/")]
        return posixpath.normpath("/" + "/".join(filter(None, parts)))


@hole(*at("a null octet", "a null octet and an extension"))
class RoutesAsCDoes(GuardsAPath):
    def mended(self, request: Request) -> str:
        return unquote(request.path).partition("\0")[0]


@hole(*at("an escaped space", "an escaped tab", "an escaped line break"))
class RoutesStripped(GuardsAPath):
    def mended(self, request: Request) -> str:
        return unquote(request.path).strip()


@hole(*at("an escaped question mark", "an escaped hash"))
class RoutesUpToAnEscapedMark(GuardsAPath):
    def mended(self, request: Request) -> str:
        return unquote(request.path).partition("?")[0].partition("#")[0]


@hole(*at("an escaped slash behind"))
class RoutesWithoutTheLastSlash(GuardsAPath):
    def mended(self, request: Request) -> str:
        return unquote(request.path).rstrip("/") if request.path.endswith("%2F") else request.path


@hole(*at("an extension", "an extension of static files"))
class RoutesWithoutExtensions(GuardsAPath):
    def mended(self, request: Request) -> str:
        return posixpath.splitext(request.path)[0]


@hole(*at("a static file below", "/.well-known behind", "/health behind"))
class RoutesByTheFirstWord(GuardsAPath):
    def mended(self, request: Request) -> str:
        return "/" + request.path.split("/")[1]


EVERYWHERE = tuple(f"a token without the scope, at the path with {spelling}" for spelling, _ in SPELLINGS)


@hole(*EVERYWHERE)
class LooksScopesUpByPath(Api):
    """The scope of a path stands in a table; the router mends the path before it looks."""

    def grant(self, request: Request, claims: Any) -> None:
        if request.path == self.home:
            super().grant(request, claims)

    def routed_path(self, request: Request) -> str:
        return self.home if "accounts" in unquote(unquote(request.path)).lower() else request.path
