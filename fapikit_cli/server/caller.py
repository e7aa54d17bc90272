"""Sends single requests to a server, and measures how long they take.

Role: C
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from fapikit.errors import Unreachable
from fapikit.flow import Flow, http
from fapikit.http_message import Fields, HttpRequest, HttpResponse, form_request, read_json_object
from fapikit.io import HttpSettings, SyncDriver
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.profile import Profile
from fapikit.urls import without_query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to one request. `took`: the seconds until it was there. `now`: the local time in the middle."""

    url: str
    response: HttpResponse
    took: float
    now: float

    def json(self, clause: str) -> Mapping[str, Any]:
        """The JSON object of the body. Raises MessageError, PeerRefused, UnexpectedRedirect."""
        return read_json_object(self.response, clause=clause)


class Caller:
    """Calls one server, with the TLS suites of the profile, as a client would. Use it in a `with` block."""

    def __init__(
        self,
        profile: Profile,
        *,
        ca: Path | None = None,
        client_certificate: TlsClientCertificate | None = None,
    ) -> None:
        self._settings = HttpSettings(ca=ca, client_certificate=client_certificate)
        self._profile = profile
        self._driver = SyncDriver(self._settings, profile=profile)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.close()

    def run(self, flow: Flow[T]) -> T:
        return self._driver.run(flow)

    def get(self, url: str, headers: Fields = (("accept", "application/json"),)) -> Answer:
        """Raises TransportError."""
        return self.send(HttpRequest("GET", url, headers))

    def post(self, url: str, form: Fields = (), headers: Fields = ()) -> Answer:
        """Raises TransportError."""
        return self.send(form_request(url, form, headers))

    def send(self, request: HttpRequest) -> Answer:
        began, at = time.monotonic(), time.time()
        response = self.run(http(request))
        took = time.monotonic() - began
        return Answer(request.url, response, took, at + took / 2)

    def browse(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        """The head of the answer that a browser would get, also of a redirect. Raises Unreachable."""
        try:
            with (
                httpx.Client(verify=self._settings.tls_context(self._profile), trust_env=False) as browser,
                browser.stream("GET", url, headers=dict(headers), follow_redirects=False) as answer,
            ):
                return HttpResponse(answer.status_code, tuple(answer.headers.multi_items()), b"", url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{without_query(url)} did not answer: {error}") from error
