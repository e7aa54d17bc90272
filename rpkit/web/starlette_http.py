"""Requests and responses of Starlette as `messages` has them, and back.

Role: C
"""

from __future__ import annotations

import inspect
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rpkit.web.messages import MAX_BODY, PRIVATE_HEADERS, WebAnswer, WebRequest


def web_request(request: Request, body: bytes = b"") -> WebRequest:
    url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return WebRequest(request.method, url, request.headers, request.cookies, body)


async def read_body(request: Request) -> bytes:
    body = bytearray()
    if request.method == "POST":
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                break
    return bytes(body)


def rendered(answer: WebAnswer) -> Response:
    response = Response(answer.body, answer.status)
    for name, value in answer.headers:
        response.headers.append(name, value)
    return response


def finish(response: Response, cookies: list[tuple[str, str]]) -> Response:
    for name, value in cookies:
        response.headers.append(name, value)
    for name, value in PRIVATE_HEADERS:
        response.headers.setdefault(name, value)
    return response


async def awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
