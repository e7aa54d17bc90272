"""Somebody's browser without a screen: it keeps cookies, follows redirects, reads pages and submits forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin

import httpx

from examples.attack_lab.answers import accepted
from examples.demo.browser import Page
from fapikit.urls import origin_of

_MAX_REDIRECTS: Final = 10


class Browser:
    """`url` and `page` are those that the user sees. An error page raises Refused.

    `http`: sends a single request, with the cookies of this browser.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.url = ""
        self.page = Page("")

    def open(self, url: str) -> Page:
        return self._follow(self.http.get(urljoin(self.url, url)))

    def submit(self, values: Mapping[str, str], *, form: int = 0) -> Page:
        """Fill a form of the page and send it. `values`: also the name and value of the button that is pressed."""
        chosen = self.page.forms[form]
        fields = {**chosen.fields, **values}
        headers = {"origin": origin_of(self.url)}
        action = urljoin(self.url, chosen.action)
        if chosen.method == "GET":
            return self._follow(self.http.get(action, params=fields))
        return self._follow(self.http.post(action, data=fields, headers=headers))

    def _follow(self, answer: httpx.Response) -> Page:
        for _ in range(_MAX_REDIRECTS):
            self.url = str(answer.url)
            if answer.next_request is None:
                self.page = Page(accepted(answer).text)
                return self.page
            answer = self.http.send(answer.next_request)
        raise AssertionError("the pages redirect in a circle")
