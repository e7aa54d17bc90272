"""gunicorn's settings for the payments API: TLS with the suites of the profile only, or plain HTTP behind nginx."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from examples.demo.world import World, port_of
from fapikit import server_context

_world = World.load()

wsgi_app = "examples.demo.payments_api:create_app()"
bind = f"127.0.0.1:{port_of(_world.payments_inside if _world.behind_a_proxy else _world.payments)}"
workers = 2
threads = 2
if not _world.behind_a_proxy:
    certfile = str(_world.path("server.pem"))
    keyfile = str(_world.path("server.key"))
accesslog = None
control_socket_disable = True


def ssl_context(_config: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    return server_context(certfile, keyfile, profile=_world.profile)
