"""Requests and responses of Flask as `messages` has them, and back.

Role: C
"""

from __future__ import annotations

from flask import Response, request

from rpkit.web.messages import MAX_BODY, PRIVATE_HEADERS, WebAnswer, WebRequest


def posted() -> bytes:
    """The body. Of one that is too long, only the first `MAX_BODY` + 1 octets."""
    return request.stream.read(MAX_BODY + 1) if request.method == "POST" else b""


def web_request(body: bytes = b"") -> WebRequest:
    query = request.query_string.decode("latin-1")
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = request.path + (f"?{query}" if query else "")
    return WebRequest(request.method, url, headers, request.cookies, body)


def rendered(answer: WebAnswer) -> Response:
    return Response(answer.body, answer.status, list(answer.headers))


def finish(response: Response, cookies: list[tuple[str, str]]) -> Response:
    for name, value in cookies:
        response.headers.add(name, value)
    for name, value in PRIVATE_HEADERS:
        response.headers.setdefault(name, value)
    return response
