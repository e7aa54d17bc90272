"""Walks through the server's pages: follows redirects, signs in, approves, and stops at the client's redirect URI.

For a device there is no redirect URI: the walk types the code of the device, and stops at the last page.

One generator yields the next request; a sync or an async httpx client sends it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeAlias, cast
from urllib.parse import urlencode, urljoin

import httpx

from fapikit.urls import origin_of

Callback: TypeAlias = str | Mapping[str, str]
Steps: TypeAlias = Generator[tuple[str, str, Mapping[str, str]], httpx.Response, Callback]

_MAX_STEPS = 20


@dataclass
class _Form(HTMLParser):
    """The first form of a page."""

    action: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = attributes.get("action", "")
        elif tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and "name" in attributes:
            self.buttons.setdefault(attributes["name"], []).append(attributes.get("value", ""))


def walk(url: str, *, issuer: str, username: str, password: str, decision: str, pin: str = "") -> Steps:
    """Yields (method, url, form). Returns the URL for the client, or the fields of its form_post.

    Raises ValueError for the URL of another server.
    """
    if not url.startswith(issuer):
        raise ValueError(
            f"this bank is {issuer}, and the URL to browse is one of {origin_of(url)}: browse with the bank that the"
            " client was made for. The fixture signed_in belongs to askit. Another bank has a method of its own, such"
            " as faulty_askit.signed_in(client, scope=...)"
        )
    known = {"username": username, "password": password, "pin": pin, "decision": decision}
    return (yield from _walk(url, issuer, known))


def walk_device(
    user_code: str, *, issuer: str, username: str, password: str, decision: str, pin: str = ""
) -> Steps:
    """The same for the user of a device, who types its code. Returns the last page."""
    known = {"username": username, "password": password, "pin": pin, "decision": decision}
    return (yield from _walk(f"{issuer}/device", issuer, {**known, "user_code": user_code, "holds": "yes"}))


def _walk(url: str, issuer: str, known: Mapping[str, str]) -> Steps:
    method, form = "GET", dict[str, str]()
    for _ in range(_MAX_STEPS):
        response = yield method, url, form
        location = response.headers.get("location")
        if location is not None:
            url, method, form = urljoin(url, location), "GET", {}
            if not url.startswith(issuer):
                return url
            continue
        page = _Form()
        page.feed(response.text)
        if page.action is None and response.status_code == 200 and "user_code" in known:
            return response.text
        if page.action is None:
            raise AssertionError(f"the server answered {response.status_code}: {response.text[:2000]}")
        url, method, form = urljoin(url, page.action), "POST", page.fields
        if not url.startswith(issuer):
            return form
        form = _filled(page, form, response.status_code, known)
    raise AssertionError("the server redirects in a circle")


def _filled(page: _Form, form: Mapping[str, str], status: int, known: Mapping[str, str]) -> dict[str, str]:
    """The form, filled with the values that this visitor knows."""
    for secret, name in (("password", "password"), ("pin", "PIN"), ("user_code", "user code")):
        if secret in form and status >= 400:
            raise AssertionError(f"the server refused the {name}")
    asked = [name for name in ("username", "password", "pin", "user_code") if name in form]
    asked += [name for name in ("decision", "holds") if name in page.buttons]
    return {**form, **{name: known[name] for name in asked}}


def visit(client: httpx.Client, steps: Steps) -> Callback:
    response: httpx.Response | None = None
    while True:
        try:
            request = next(steps) if response is None else steps.send(response)
        except StopIteration as stop:
            return cast(Callback, stop.value)
        response = client.request(**_arguments(*request))


async def avisit(client: httpx.AsyncClient, steps: Steps) -> Callback:
    response: httpx.Response | None = None
    while True:
        try:
            request = next(steps) if response is None else steps.send(response)
        except StopIteration as stop:
            return cast(Callback, stop.value)
        response = await client.request(**_arguments(*request))


def _arguments(method: str, url: str, form: Mapping[str, str]) -> dict[str, Any]:
    if method == "GET":
        return {"method": method, "url": url}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return {"method": method, "url": url, "content": urlencode(form), "headers": headers}
