"""The peer of a socket is who connected. What a header says of it is not."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.io.asgi_peer import UNKNOWN, peer_of

TCP, UNIX = ("10.0.3.1", 8000), ("/run/api.sock", None)


@pytest.mark.spec("RFC 9440 4")
@pytest.mark.parametrize(
    ("client", "server", "fields", "peer"),
    [
        (("10.0.3.7", 40_000), TCP, {}, "10.0.3.7"),
        (("10.0.3.7", 40_000), TCP, {"x-forwarded-for": "10.0.3.7, 192.0.2.9"}, "10.0.3.7"),
        (("fd00::7", 40_000), TCP, {"x-forwarded-for": "[fd00::7]:4711"}, "fd00::7"),
        (None, UNIX, {}, None),
        (None, None, {}, None),
        # Written from a header.
        (("10.0.3.7", 0), TCP, {"x-forwarded-for": "10.0.3.7"}, UNKNOWN),
        (("10.0.3.7", 4711), TCP, {"x-forwarded-for": "10.0.3.7:4711"}, UNKNOWN),
        (("10.0.3.7", 4711), TCP, {"x-forwarded-for": "192.0.2.9, 10.0.3.7:4711"}, UNKNOWN),
        (("fd00::7", 4711), TCP, {"x-forwarded-for": "[fd00::7]:4711"}, UNKNOWN),
        (("10.0.3.7", 4711), TCP, {"forwarded": 'for="10.0.3.7:4711"'}, UNKNOWN),
        (("10.0.3.7", None), TCP, {}, UNKNOWN),
        # Hung up before the server asked who it was.
        (None, TCP, {}, UNKNOWN),
    ],
)
def test_the_peer(client: Any, server: Any, fields: dict[str, str], peer: str | None) -> None:
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    assert peer_of({"client": client, "server": server, "headers": headers}) == peer
