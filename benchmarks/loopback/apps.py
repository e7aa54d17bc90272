"""A server process of one app: `python -m benchmarks.loopback.apps NAME KEY_FILE`. It prints its port.

Each app answers `/cpu` with the CPU time that its process has used so far, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access
from benchmarks.middleware import SCOPE, App, accounts, fastapi_with_pyjwt, mcp_sdk, plain_fastapi
from benchmarks.tokens import a_server
from fapikit import PrivateKey


class Passing:
    """A middleware that does nothing."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


def starlette(endpoint: Any = accounts) -> Starlette:
    return Starlette(routes=[Route("/accounts", endpoint)])


def protected(key: PrivateKey) -> App:
    return asgi_mw.Protect(starlette(Access(SCOPE)(accounts)), a_server(key))


APPS: dict[str, Callable[[PrivateKey], App]] = {
    "bare": lambda _key: starlette(),
    "trivial": lambda _key: Passing(starlette()),
    "ours": protected,
    "fastapi": lambda _key: plain_fastapi(),
    "fastapi-pyjwt": fastapi_with_pyjwt,
    "mcp": mcp_sdk,
}


def telling(app: App) -> App:
    async def called(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/cpu":
            answer = PlainTextResponse(str(time.process_time_ns()))
            return await answer(scope, receive, send)
        await app(scope, receive, send)

    return called


def serve(make: Callable[[], App]) -> None:
    logging.disable(logging.WARNING)
    app = make()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(telling(app), log_level="error", access_log=False)
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def main() -> None:
    name, key_file = sys.argv[1:]
    key = PrivateKey.from_jwk(json.loads(Path(key_file).read_text()))
    serve(lambda: APPS[name](key))


if __name__ == "__main__":
    main()
