"""The small API behind ASGI and behind WSGI."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Any

from tests.rskit.testing.planted.api import Answer, Api, Request


def asgi(api: Api) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        request = _from_scope(scope, message.get("body", b""))
        if scope["type"] == "websocket":
            opened = api.opens(request)
            await send({"type": "websocket.accept"} if opened else {"type": "websocket.close", "code": 1008})
            return
        answer = await api.answer_soon(request) if hasattr(api, "answer_soon") else api.answer(request)
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return app


def _from_scope(scope: Any, body: bytes) -> Request:
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    tls = scope.get("extensions", {}).get("tls")
    certificate = _from_pem(tls["client_cert_chain"][0]) if tls else None
    return Request(scope.get("method", "GET"), target, headers, body, certificate, scope["path"])


def _from_pem(pem: str) -> bytes:
    return b64decode("".join(pem.splitlines()[1:-1]))


def wsgi(api: Api) -> Callable[..., Iterable[bytes]]:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        answer: Answer = api.answer(_from_environ(environ))
        start_response(f"{answer.status} Answer", answer.headers)
        return [answer.body]

    return app


def _from_environ(environ: Any) -> Request:
    headers = [
        (name[5:].lower().replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    socket = environ.get("gunicorn.socket")
    return Request(
        environ["REQUEST_METHOD"],
        environ["RAW_URI"],
        headers,
        environ["wsgi.input"].read(),
        socket.getpeercert(True) if socket else None,
        environ["PATH_INFO"],
    )
