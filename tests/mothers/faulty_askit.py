"""The embedded authorization server and its faults, with the face of the fake bank, so that tests run against both."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RunningServer
from fapikit import HttpSettings, PrivateKeyJWT

_PLACES = {
    "bc": "backchannel_authentication_response",
    "callback": "authorization_response",
    "jarm_jwt": "jarm.jwt",
    "id_token_jwt": "id_token.jwt",
    "token": "token_response",
}


@cache
def _http_of(server: RunningServer[FaultyServer]) -> HttpSettings:
    """Making a TLS context takes longer than a login."""
    return server.http()


class _Faults:
    def __init__(self, server: FaultyServer) -> None:
        self._server = server

    def __setitem__(self, name: str, hook: Callable[[Any], Any]) -> None:
        self._server.faults[_PLACES.get(name, name)] = hook


class AskitBank:
    """UserInfo stands for the API: it is a protected resource like any other."""

    api_path = "/userinfo"

    def __init__(self, server: RunningServer[FaultyServer], clock: MovableClock) -> None:
        self.server = server
        self.clock = clock
        self.issuer = server.issuer
        self.api_origin = server.issuer
        self.faults = _Faults(server.app)
        self._returned_at = 0
        server.app.faults.clear()

    def arguments(self) -> dict[str, Any]:
        """What `discover` takes for this server."""
        return {
            "client_id": self.server.client_id,
            "auth": PrivateKeyJWT(self.server.client_key),
            "redirect_uri": self.server.redirect_uri,
            "http": _http_of(self.server),
            "clock": self.clock,
        }

    def authorize(self, url: str) -> Any:
        callback = self.server.browse(url)
        self._returned_at = len(self.server.app.faults.calls)
        return callback

    def called_after(self, name: str) -> set[str]:
        paths = [path.rsplit("/", 1)[-1] for _, path in self.server.app.faults.calls]
        if name == "callback":
            return set(paths[self._returned_at :])
        return set(paths[max(n for n, path in enumerate(paths) if path == name) + 1 :])
