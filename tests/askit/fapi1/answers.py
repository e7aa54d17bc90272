"""What askit answered, as the tables of the FAPI 1 tests write it: the code of an error and the clause it cites."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import httpx


def cited(told: str) -> str:
    """The clause at the end of an error_description."""
    found = re.search(r"\[(.*)\]$", told)
    return found[1] if found else ""


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Of an answer in JSON: status, code and clause."""
    body = response.json()
    return response.status_code, body["error"], cited(body["error_description"])


def callback_of(response: httpx.Response) -> tuple[str, dict[str, str]]:
    """Of a redirect to the client: where its parameters are, `query` or `fragment`, and what they are."""
    assert response.status_code == 303, (response.status_code, response.text[:500])
    parts = urlsplit(response.headers["location"])
    assert not (parts.query and parts.fragment)
    return (
        ("query", dict(parse_qsl(parts.query)))
        if parts.query
        else ("fragment", dict(parse_qsl(parts.fragment)))
    )


def redirected(response: httpx.Response) -> tuple[str, str]:
    """Of an error that is told to the client: code and clause."""
    _, members = callback_of(response)
    return members["error"], cited(members["error_description"])
