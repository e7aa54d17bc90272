"""Holes in who may open a websocket."""

from __future__ import annotations

from tests.rskit.testing.planted.api import Api, Request
from tests.rskit.testing.planted.planting import hole


class LooseWebsockets(Api):
    def opens_anyway(self, request: Request) -> bool:
        raise NotImplementedError

    def opens(self, request: Request) -> bool:
        return self.opens_anyway(request) or super().opens(request)


@hole("a websocket without a token", skin="asgi")
class ForgetsWebsockets(LooseWebsockets):
    def opens_anyway(self, request: Request) -> bool:
        return not request.all("authorization")


@hole(
    "a websocket with letters for a token",
    "a websocket with a token that has expired",
    "a websocket with a token for another API",
    skin="asgi",
)
class OpensWebsocketsForAnyHeader(LooseWebsockets):
    def opens_anyway(self, request: Request) -> bool:
        return bool(request.all("authorization"))


@hole("a websocket with the token in the URL", skin="asgi")
class OpensWebsocketsByUrl(LooseWebsockets):
    def opens_anyway(self, request: Request) -> bool:
        return "access_token=" in request.query


@hole("a websocket with the token as a subprotocol", skin="asgi")
class OpensWebsocketsBySubprotocol(LooseWebsockets):
    def opens_anyway(self, request: Request) -> bool:
        return "ey" in (request.get("sec-websocket-protocol") or "")
