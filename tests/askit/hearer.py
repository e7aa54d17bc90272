"""Clients that hear of logouts: what was posted to which URL, behind the browser's back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from fapikit import HttpSettings
from tests.askit.bank import FINTECH, OTHER
from tests.askit.plain_client import CALLBACK
from tests.keys import claims_of

BYE = "https://fintech.example.test/bye?from=bank"


def hearing(client: dict[str, Any]) -> dict[str, Any]:
    """The client, to be told of logouts, and to come back to after them."""
    uri = f"https://{client['client_id']}.example.test/logout"
    return {**client, "backchannel_logout_uri": uri, "post_logout_redirect_uris": [BYE, CALLBACK]}


@dataclass
class Hearer:
    """`heard`: the claims of each logout token, with the path and host it came to. `answer` may refuse, or fail."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200)

    def http(self) -> HttpSettings:
        return HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(self._hear)))

    def _hear(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        form = parse_qs(request.content.decode(), strict_parsing=True)
        assert form.keys() == {"logout_token"}
        (token,) = form["logout_token"]
        self.tokens.append(token)
        self.heard.append({**claims_of(token), "at": str(request.url)})
        return self.answer(request)

    @property
    def told(self) -> list[str]:
        return sorted(claims["aud"] for claims in self.heard)


CLIENTS = [hearing(FINTECH), hearing(OTHER)]
