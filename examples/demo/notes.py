"""What distinguishes a message from others of its kind, in a word or two. It never contains a value of the message."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

_Holds = Callable[[httpx.Request, httpx.Response], bool]


def note_of(request: httpx.Request, response: httpx.Response) -> str:
    """The first matching note, or none."""
    return next((note for note, holds in _NOTES if holds(request, response)), "")


def _asks_for_nonce(request: httpx.Request, response: httpx.Response) -> bool:
    if "use_dpop_nonce" in " ".join(response.headers.get_list("www-authenticate")):
        return True
    return response.status_code == 400 and "dpop-nonce" in response.headers and "dpop" in request.headers


def _starts_in_the_url(request: httpx.Request) -> bool:
    return request.url.path == "/authorize" and "request_uri" not in request.url.params


def _arrives_at_callback(request: httpx.Request) -> bool:
    return request.method == "GET" and request.url.path == "/callback"


def _goes_back(response: httpx.Response) -> tuple[str, str]:
    """The query and the fragment of a redirect's target."""
    location = urlsplit(response.headers.get("location", ""))
    return location.query, location.fragment


_NOTES: tuple[tuple[str, _Holds], ...] = (
    ("use_dpop_nonce", _asks_for_nonce),
    ("request object", lambda sent, _: sent.method == "POST" and b"request=ey" in sent.content),
    (
        "request object in the URL",
        lambda sent, _: _starts_in_the_url(sent) and "request" in sent.url.params,
    ),
    ("request in the URL", lambda sent, _: _starts_in_the_url(sent)),
    ("signed redirect", lambda _, answer: "response=" in _goes_back(answer)[0]),
    ("answer and its ID token", lambda _, answer: "id_token=" in _goes_back(answer)[1]),
    ("signed response", lambda sent, _: "response=" in sent.url.query.decode()),
    ("page for the fragment", lambda sent, _: _arrives_at_callback(sent) and not sent.url.query),
    ("fragment", lambda sent, _: sent.content.startswith(b"fragment=")),
    ("signed answer", lambda _, answer: "introspection+jwt" in answer.headers.get("content-type", "")),
)
