"""A browser without a screen: it follows redirects, keeps cookies, submits forms, and runs one script for fragments."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from examples.demo.trace import Recorder
from examples.demo.world import World
from fapikit.io.tls import client_context

_MAX_REDIRECTS = 10


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The forms and the visible text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._hidden = 0
        self._select = ""
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in ("style", "script"):
            self._hidden += 1
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get").upper()))
        elif tag == "input" and self.forms and "name" in attributes:
            if attributes.get("type") != "submit":
                self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
            else:
                self.forms[-1].buttons.append((attributes["name"], attributes.get("value", "")))
        elif tag == "select":
            self._select = attributes.get("name", "")
        elif tag == "option" and self.forms and self._select:
            self.forms[-1].fields.setdefault(self._select, attributes.get("value", ""))
        elif tag == "button" and self.forms and "name" in attributes:
            self.forms[-1].buttons.append((attributes["name"], attributes.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)


class Browser:
    """One customer's browser."""

    def __init__(self, world: World, name: str = "browser") -> None:
        tls = client_context(ca=world.path("ca.pem"))
        client = httpx.Client(verify=tls, trust_env=False, timeout=30)
        self._http = Recorder(world, name).watch(client, "front")
        self.url = ""
        self.page = Page("")
        self.status = 0

    def open(self, url: str) -> Page:
        return self._follow(self._http.get(urljoin(self.url, url)), stop_at=None)

    def submit(
        self,
        values: dict[str, str] | None = None,
        *,
        press: str = "",
        form: int = 0,
        stop_at: str | None = None,
    ) -> Page:
        """Fill a form and press a button. A redirect to a URL that begins with `stop_at` is not followed."""
        chosen = self.page.forms[form]
        fields = {**chosen.fields, **(values or {})}
        fields.update([button for button in chosen.buttons if button[1] == press][:1])
        action = urljoin(self.url, chosen.action)
        origin = "/".join(self.url.split("/")[:3])
        response = self._http.request(chosen.method, action, data=fields, headers={"origin": origin})
        return self._follow(response, stop_at=stop_at)

    def _follow(self, response: httpx.Response, *, stop_at: str | None) -> Page:
        fragment = ""
        for _ in range(_MAX_REDIRECTS):
            self.url, self.status = str(response.url), response.status_code
            if not response.is_redirect:
                self.page = Page(response.text)
                return self._post_fragment(fragment) if fragment else self.page
            target = urljoin(self.url, response.headers["location"])
            if stop_at is not None and target.startswith(stop_at):
                self.url = target
                return self.page
            target, _, fragment = target.partition("#")
            response = self._http.get(target)
        raise RuntimeError("too many redirects")

    def _post_fragment(self, fragment: str) -> Page:
        """Does what the script of the client's page does: it posts the fragment, which no request contains."""
        return self.submit({"fragment": fragment})

    def close(self) -> None:
        self._http.close()
