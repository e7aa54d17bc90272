"""Walks through the server's pages: follows redirects, signs in, approves, and stops at the client's redirect URI.

Where nobody is redirected (a device, CIBA), the walk stops at the last page: a device's user types its code, and a
user whom a client asks by CIBA looks at the page of the phone.

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
class _Form:
    """One form of a page. `text`: what the page shows between the form before and the end of this one."""

    text: str = ""
    action: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, list[str]] = field(default_factory=dict)

    def is_for(self, about: str) -> bool:
        """Whether the form is about this request, or asks the user for something that comes before it."""
        return about in self.text or not {"password", "pin"}.isdisjoint(self.fields)


class _Page(HTMLParser):
    """The forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._open = _Form()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open.action = attributes.get("action", "")
        elif tag == "input" and "name" in attributes:
            self._open.fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and "name" in attributes:
            self._open.buttons.setdefault(attributes["name"], []).append(attributes.get("value", ""))

    def handle_data(self, data: str) -> None:
        self._open.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.forms.append(self._open)
            self._open = _Form()


def walk(url: str, *, issuer: str, username: str, password: str, decision: str, pin: str = "") -> Steps:
    """Yields (method, url, form). Returns the URL for the client, or the fields of its form_post.

    Raises ValueError for the URL of another server.
    """
    if not _is_below(issuer, url):
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


def walk_ciba(
    binding_message: str | None,
    *,
    issuer: str,
    username: str,
    password: str,
    decision: str,
    pin: str = "",
) -> Steps:
    """The same for a user whom a client asks by CIBA, and who looks at his phone. Returns the last page.

    `binding_message`: which request it is about; None: the newest one.
    """
    known = {"username": username, "password": password, "pin": pin, "decision": decision}
    phone = f"{issuer}/authentication_device"
    return (yield from _walk(phone, issuer, known, about=binding_message or ""))


def _walk(url: str, issuer: str, known: Mapping[str, str], *, about: str | None = None) -> Steps:
    """`about`: the text of the request that the user of a phone decides on."""
    method, form = "GET", dict[str, str]()
    stays = about is not None or "user_code" in known  # nobody is redirected at the end
    for _ in range(_MAX_STEPS):
        response = yield method, url, form
        location = response.headers.get("location")
        if location is not None:
            url, method, form = urljoin(url, location), "GET", {}
            if not _is_below(issuer, url):
                return url
            continue
        forms = _Page(response.text).forms
        if not forms and response.status_code == 200 and stays and "decision" in form:
            return response.text
        found = next((form for form in forms if form.is_for(about or "")), None)
        if found is None or found.action is None:
            what = f"a request with the text {about!r}" if about else "a form"
            raise AssertionError(
                f"the server shows no page with {what}; it answered {response.status_code}: {response.text[:2000]}"
            )
        url, method = urljoin(url, found.action), "POST"
        if not _is_below(issuer, url):
            return found.fields
        form = _filled(found, response.status_code, known)
    raise AssertionError("the server redirects in a circle")


def _is_below(issuer: str, url: str) -> bool:
    """Whether this is a page of the bank, and not one of a host whose name begins in the same way."""
    return url.startswith(issuer) and url[len(issuer.rstrip("/")) :][:1] in ("", "/", "?", "#")


def _filled(form: _Form, status: int, known: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form, with the values that this visitor knows."""
    for secret, name in (("password", "password"), ("pin", "PIN"), ("user_code", "user code")):
        if secret in form.fields and status >= 400:
            raise AssertionError(f"the server refused the {name}")
    typed = [name for name in ("username", "password", "pin", "user_code") if name in form.fields]
    pressed = [name for name in ("decision", "holds") if name in form.buttons]
    return {**form.fields, **{name: known[name] for name in (*typed, *pressed)}}


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
