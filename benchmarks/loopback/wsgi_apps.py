"""A gunicorn process of one Flask app: `python -m benchmarks.loopback.wsgi_apps NAME KEY_FILE`. It prints its port.

Its worker answers `/cpu` as the apps of `apps` do.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from benchmarks.middleware import flask_apps
from fapikit import PrivateKey

APPS = {"flask": "plain", "flask-ours": "Protect and Access", "flask-authlib": "Authlib"}
WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def telling(app: WsgiApp) -> WsgiApp:
    def called(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/cpu":
            body = str(time.process_time_ns()).encode()
            start_response("200 OK", [("content-type", "text/plain"), ("content-length", str(len(body)))])
            return [body]
        return app(environ, start_response)

    return called


class Serving(BaseApplication):  # type: ignore[misc]
    """One worker with some threads, which keeps connections open."""

    def __init__(self, app: WsgiApp, descriptor: int) -> None:
        self._app, self._descriptor = app, descriptor
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", f"fd://{self._descriptor}")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 16)
        self.cfg.set("keepalive", 60)
        self.cfg.set("loglevel", "error")

    def load(self) -> WsgiApp:
        return self._app


def main() -> None:
    logging.disable(logging.WARNING)
    name, key_file = sys.argv[1:]
    key = PrivateKey.from_jwk(json.loads(Path(key_file).read_text()))
    app: WsgiApp = flask_apps(key)[APPS[name]]
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    Serving(telling(app), listening.detach()).run()


if __name__ == "__main__":
    main()
