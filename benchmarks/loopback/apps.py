"""A server process of one app: `python -m benchmarks.loopback.apps NAME KEY_FILE`. It prints its port.

uvicorn parses with h11, as it does if nothing but uvicorn is installed; with httptools for `NAME@httptools`.
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
from dataclasses import astuple
from pathlib import Path
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access
from benchmarks.middleware import SCOPE, App, accounts, fastapi_with_pyjwt, mcp_sdk, plain_fastapi
from benchmarks.tokens import a_server, a_token, raw_verify
from fapikit import PrivateKey


class Passing:
    """A middleware that does nothing."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


class Verifying:
    """Verifies one ES256 signature, always the same, and does nothing else. No check of proofs does less."""

    def __init__(self, app: App, key: PrivateKey) -> None:
        self._app = app
        self._verify, arrive, _ = astuple(raw_verify(key, iter([a_token(key)])))
        (self._prepared,) = arrive(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self._verify(self._prepared)
        await self._app(scope, receive, send)


def starlette(endpoint: Any = accounts) -> Starlette:
    return Starlette(routes=[Route("/accounts", endpoint)])


def protected(key: PrivateKey) -> App:
    return asgi_mw.Protect(starlette(), a_server(key))


def with_access(key: PrivateKey) -> App:
    return asgi_mw.Protect(starlette(Access(SCOPE)(accounts)), a_server(key))


APPS: dict[str, Callable[[PrivateKey], App]] = {
    "bare": lambda _key: starlette(),
    "trivial": lambda _key: Passing(starlette()),
    "verifying": lambda key: Verifying(starlette(), key),
    "ours": protected,
    "ours-access": with_access,
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


def serve(make: Callable[[], App], parser: Literal["h11", "httptools"] = "h11") -> None:
    logging.disable(logging.WARNING)
    app = make()
    # asyncio switches Nagle's algorithm off (each answer would wait 40 ms) only if the protocol is named.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(telling(app), log_level="error", access_log=False, http=parser)
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def main() -> None:
    name, key_file = sys.argv[1:]
    key = PrivateKey.from_jwk(json.loads(Path(key_file).read_text()))
    app, _, parser = name.partition("@")
    serve(lambda: APPS[app](key), "httptools" if parser else "h11")


if __name__ == "__main__":
    main()
