"""Runs one of the demo's ASGI apps on uvicorn: TLS 1.2 or newer, the profile's cipher suites only.

usage: python -m examples.demo.serve accounts_api https://localhost:9444
"""

from __future__ import annotations

import importlib
import sys

import uvicorn

from asgi_mw.uvicorn_tls import HttpProtocol
from examples.demo.trace import Recorder
from examples.demo.world import World, port_of
from fapikit import server_context
from fapikit.io.tls import ask_for_client_certificates, read_certificates


def main(module: str, origin: str) -> None:
    world = World.load()
    app = importlib.import_module(f"examples.demo.{module}").create_app()
    config = uvicorn.Config(
        Recorder(world, world.party_at(origin)).asgi(app),
        host="127.0.0.1",
        port=port_of(origin),
        log_level="info",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        http=HttpProtocol,
    )
    config.load()
    config.ssl = server_context(world.path("server.pem"), world.path("server.key"), profile=world.profile)
    if world.binding == "mtls" and module.endswith("_api"):
        trusted = read_certificates(world.path("clients-ca.pem"))
        if world.choices.self_signed:  # an API knows no registrations: each such certificate is named
            trusted += read_certificates(world.path("fintech.pem"))
        ask_for_client_certificates(config.ssl, trusted)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
